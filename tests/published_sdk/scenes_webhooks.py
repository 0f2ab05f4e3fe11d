"""
Webhooks: subscribed to, tried, delivered to a real receiver with a signature that holds, given up and sent again.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from checks import eventually, purse, refused, same, shows

import figuard

SECRET = "0123456789abcdef0123"


class Receiver(ThreadingHTTPServer):
    """The far end: it keeps what it gets, and answers with the status it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.got: list[tuple[bytes, str]] = []
        self.status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def of(self, kind: str) -> list[tuple[bytes, str]]:
        """Return what came of one kind: body and signature."""
        return [(body, signature) for body, signature in self.got if json.loads(body)["eventType"] == kind]


class Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((body, self.headers["X-Webhook-Signature"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def scene_a_notice_arrives_and_is_genuine(client: Any) -> None:
    receiver = Receiver()
    hook = client.create_webhook(receiver.url, SECRET, ["SPEND_DENIED", "BUDGET_PAUSED"])
    shows(hook, url=receiver.url, events=["SPEND_DENIED", "BUDGET_PAUSED"], active=True)
    assert hook.id in {one.id for one in client.list_webhooks()}
    tried = client.test_webhook(hook.id)
    shows(tried, success=True, response_status=200)
    same(len(receiver.of("WEBHOOK_TEST")), 1)
    budget = purse(client, 10.0)
    denied = client.authorize(budget=budget, amount=11.0)
    (body, signature), *more = eventually(lambda: receiver.of("SPEND_DENIED"))
    same(more, [])
    notice = json.loads(body)
    same((notice["budgetId"], notice["spendEventId"]), (budget.id, denied.event_id))
    same((notice["denialReason"], notice["requestedQuantity"]), ("INSUFFICIENT_FUNDS", 11.0))
    if not client.is_async:
        verify(client, body, signature, notice)
    (sent,) = eventually(lambda: [d for d in client.get_webhook_deliveries(hook.id) if d.status == "DELIVERED"])
    shows(sent, webhook_config_id=hook.id, event_type="SPEND_DENIED", target_url=receiver.url, response_status=200)
    same(sent.attempt_count, 1)
    found = client.get_all_deliveries(status="DELIVERED", event_type="SPEND_DENIED", since="2026-01-01T00:00:00Z")
    assert sent.id in {delivery.id for delivery in found}
    same(client.get_all_deliveries(event_type="BUDGET_RESUMED"), [])
    client.delete_webhook(hook.id)
    assert hook.id not in {one.id for one in client.list_webhooks()}
    with refused(404):
        client.delete_webhook(hook.id)
    receiver.shutdown()
    receiver.server_close()


def verify(client: Any, body: bytes, signature: str, notice: dict[str, Any]) -> None:
    """Demand that the SDK takes the signature of this body, and of no other."""
    same(client.verify_webhook(body, signature, SECRET), notice)
    for wrong in ((body + b" ", signature, SECRET), (body, signature, SECRET + "x"), (body, "sha256=00", SECRET)):
        try:
            client.verify_webhook(*wrong)
        except figuard.FiGuardWebhookVerificationError:
            continue
        raise AssertionError("a wrong signature was taken")


def scene_a_dead_letter_is_sent_again(client: Any) -> None:
    receiver = Receiver()
    receiver.status = 500
    hook = client.create_webhook(receiver.url, SECRET, ["SPEND_DENIED"])
    client.authorize(budget=purse(client, 10.0), amount=11.0)
    (waiting,) = eventually(lambda: [d for d in client.get_webhook_deliveries(hook.id) if d.attempt_count])
    shows(waiting, status="PENDING", response_status=500)
    with refused(409):
        client.retry_delivery(waiting.id)
    print(f"give up {waiting.id}", flush=True)
    assert sys.stdin.readline(), "nobody answers"
    (dead,) = client.get_webhook_deliveries(hook.id)
    same(dead.status, "FAILED")
    receiver.status = 200
    client.retry_delivery(waiting.id)
    (sent,) = eventually(lambda: [d for d in client.get_webhook_deliveries(hook.id) if d.status == "DELIVERED"])
    same(sent.id, waiting.id)
    same(len(receiver.of("SPEND_DENIED")), 2)
    client.delete_webhook(hook.id)
    receiver.shutdown()
    receiver.server_close()


def scene_a_receiver_that_is_down_is_said_to_be(client: Any) -> None:
    receiver = Receiver()
    hook = client.create_webhook(receiver.url, SECRET, ["SPEND_CONFIRMED"])
    receiver.shutdown()
    receiver.server_close()
    tried = client.test_webhook(hook.id)
    shows(tried, success=False, response_status=None)
    assert tried.error_message
    client.delete_webhook(hook.id)
    with refused(400):
        client.create_webhook(receiver.url, "short", ["SPEND_CONFIRMED"])
    with refused(400):
        client.create_webhook(receiver.url, SECRET, ["NO_SUCH_EVENT"])
