"""
A model server on this machine that says what a test has written down, in three dialects, whole or streamed.

The frameworks' own clients talk to it over HTTP, so nothing of them is replaced. It answers a request that offers
tools with the next turn of its script, and everything after the script with ``FINAL:`` and all tool results it was
shown. It keeps every request: what the model was told is what the tests look at.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.integrations.model_dialects import DIALECTS, Asked, Messages, Said

Turn = list[tuple[str, dict[str, Any]]] | str
"""What the model says at once: tool calls as pairs of a name and arguments, or a text."""


@dataclass(frozen=True)
class Request:
    """A request that the model was sent."""

    dialect: Any
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def results(self) -> list[str]:
        """The text of every tool result that the model is shown with it, in order."""
        return self.dialect.results(self.body)


class ModelServer:
    """The server; use it in a ``with`` statement."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._script: list[Turn] = []
        self._reuse_ids = False
        self._turn = self._replies = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The address for Anthropic's clients."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """The address for OpenAI's clients."""
        return f"{self.url}/v1"

    def play(self, *turns: Turn, reuse_ids: bool = False) -> None:
        """
        Start a new script and forget all requests.

        With *reuse_ids* every turn counts its call ids from nought again, as some model servers do.
        """
        with self._lock:
            self._script, self._turn, self._reuse_ids = list(turns), 0, reuse_ids
            self.requests.clear()

    @property
    def results(self) -> list[str]:
        """The tool results that the model was shown last."""
        return self.requests[-1].results if self.requests else []

    @property
    def result_blocks(self) -> list[dict[str, Any]]:
        """The tool results that the model was shown last, as Anthropic's blocks."""
        return Messages.result_blocks(self.requests[-1].body)

    def answer(self, request: Request) -> Said:
        """Keep the request and return what the model says to it."""
        with self._lock:
            self.requests.append(request)
            self._replies += 1
            offered = bool(request.body.get("tools"))
            if not offered or self._turn == len(self._script):
                return Said(text="FINAL: " + " | ".join(request.results), number=self._replies)
            turn = self._script[self._turn]
            self._turn += 1
            if isinstance(turn, str):
                return Said(text=turn, number=self._replies)
            start = request.dialect.calls_prefix if self._reuse_ids else f"{request.dialect.calls_prefix}_{self._turn}"
            calls = tuple(Asked(f"{start}_{at}", name, given) for at, (name, given) in enumerate(turn))
            return Said(calls, number=self._replies)


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing: the requests are kept, and a test prints them if it fails."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            path = self.path.partition("?")[0]
            dialect = next((one for one in DIALECTS if path.endswith(one.path)), None)
            if dialect is None:
                self._send(404, "application/json", json.dumps({"error": {"message": f"no such path: {path}"}}))
                return
            said = server.answer(Request(dialect, body, {name.lower(): text for name, text in self.headers.items()}))
            if body.get("stream"):
                self._send(200, "text/event-stream", "".join(map(_event, dialect.events(body, said))))
            else:
                self._send(200, "application/json", json.dumps(dialect.whole(body, said)))

        def _send(self, status: int, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _event(event: dict[str, Any] | str) -> str:
    if isinstance(event, str):
        return f"data: {event}\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"
