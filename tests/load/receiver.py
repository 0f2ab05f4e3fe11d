"""
The far end of webhooks: a real HTTP server that keeps what it gets.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Notice(NamedTuple):
    """One request that came: the delivery it names, and what it says."""

    delivery_id: str
    payload: dict[str, Any]


class Receiver(ThreadingHTTPServer):
    """Listens on this machine. While ``is_slow`` it lets whoever calls wait until it is closed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.got: list[Notice] = []
        self.is_slow = False
        self.called = threading.Event()
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/hook"

    def of(self, kind: str) -> list[Notice]:
        """Return what came of one kind."""
        return [notice for notice in self.got if notice.payload["eventType"] == kind]

    def close(self) -> None:
        """Let everybody go and end."""
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(Notice(self.headers["webhook-id"], json.loads(body)))
        self.server.called.set()
        if self.server.is_slow:
            self.server.closing.wait(60)
            return
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
