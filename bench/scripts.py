"""
What the clients of a load do, as generators: each yields a request's bytes and is sent the answer's.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

Script = Generator[bytes, bytes, None]
Scripts = Callable[[int], Script]
BATCH = 100
"""How many authorizations one request to the batch endpoint holds."""
_EVENT = b'"eventId":"'
_ID_LENGTH = 36


@dataclass(slots=True)
class Plan:
    """
    What a script needs: the API key, session tokens, a prefix for idempotency keys, and its own options.

    ``kept`` is what the clients bring home.
    """

    host: str
    key: str
    prefix: str = ""
    tokens: list[str] = field(default_factory=list)
    amount: str = "0.01"
    fields: dict[str, Any] = field(default_factory=dict)
    fires: int = 5
    keys: int = 0
    path: str = "/api/v1/authorize"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)


def request(plan: Plan, path: str, body: bytes, token: str | None = None) -> bytes:
    """Return a whole POST request."""
    session = f"x-session-token: {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {plan.host}\r\nx-agent-budget-key: {plan.key}\r\n{session}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(plan: Plan) -> bytes:
    body = {
        "agentId": "agent",
        "actionType": "LLM_CALL",
        "description": "one call of a model",
        "requestedQuantity": "AMOUNT",
        "idempotencyKey": "KEY",
        **plan.fields,
    }
    return json.dumps(body, separators=(",", ":")).replace('"AMOUNT"', plan.amount).encode()


def _authorizing(plan: Plan) -> tuple[list[bytes], bytes]:
    """Return what stands before the key for each token, and what stands after it."""
    width = len(plan.prefix) + 16
    before, after = _body(plan).replace(b'"KEY"', b'"%s"' % (b"K" * width)).split(b"K" * width)
    whole = before + b"K" * width + after
    heads = [request(plan, plan.path, whole, token)[: -len(whole)] + before for token in plan.tokens]
    return heads, after


def authorize(plan: Plan) -> Scripts:
    """Authorize one new spending after the other, each under a token taken at random."""
    heads, after = _authorizing(plan)
    prefix = plan.prefix.encode()

    def script(number: int) -> Script:
        choice = random.Random(number).choice
        for count in itertools.count():
            yield b"%s%s%04d%012d%s" % (choice(heads), prefix, number, count, after)

    return script


def retry(plan: Plan) -> Scripts:
    """Send each key several times, from several clients at once: one charge per key, whatever the storm."""
    heads, after = _authorizing(plan)
    prefix = plan.prefix.encode()
    sent = itertools.count()

    def script(number: int) -> Script:
        while True:
            key = next(sent) // plan.fires
            yield b"%s%s%016d%s" % (heads[key % len(heads)], prefix, key, after)

    return script


def storm(plan: Plan) -> Scripts:
    """Fire a number of keys so many times each, round after round, and then stop."""
    heads, after = _authorizing(plan)
    prefix = plan.prefix.encode()
    sent = iter(range(plan.keys * plan.fires))

    def script(number: int) -> Script:
        for count in sent:
            key = count % plan.keys
            yield b"%s%s%016d%s" % (heads[key % len(heads)], prefix, key, after)

    return script


def lifecycle(plan: Plan) -> Scripts:
    """Authorize and confirm; every tenth fails and every tenth is voided instead."""
    begin = authorize(plan)
    confirm = b'{"confirmedQuantity":%s}' % plan.amount.encode()
    ends = [("confirm", confirm)] * 8 + [("fail", b'{"reason":"it failed"}'), ("void", b'{"reason":"not needed"}')]
    forms = [request(plan, f"/api/v1/events/{'i' * _ID_LENGTH}/{word}", body) for word, body in ends]
    split = [form.split(b"i" * _ID_LENGTH) for form in forms]

    def script(number: int) -> Script:
        for asked, (before, after) in zip(begin(number), itertools.cycle(split), strict=False):
            answer = yield asked
            at = answer.find(_EVENT)
            if at < 0:
                continue
            at += len(_EVENT)
            yield before + answer[at : at + _ID_LENGTH] + after

    return script


def batch(plan: Plan) -> Scripts:
    """Ask for a hundred spendings in one request."""
    tokens = itertools.cycle(plan.tokens)
    items = [
        json.loads(_body(plan)) | {"idempotencyKey": f"KEY{n:03d}", "sessionToken": next(tokens)} for n in range(BATCH)
    ]
    body = json.dumps({"requests": items}, separators=(",", ":")).encode()
    width = len(plan.prefix) + 16
    whole = request(plan, "/api/v1/authorize/batch", body.replace(b"KEY", b"K" * width))

    def script(number: int) -> Script:
        for count in itertools.count():
            yield whole.replace(b"K" * width, b"%s%04d%012d" % (plan.prefix.encode(), number, count))

    return script


def post(plan: Plan) -> Scripts:
    """Send prepared bodies to one path, each once, and bring the answers home."""
    waiting = iter(plan.bodies)

    def script(number: int) -> Script:
        for body in waiting:
            path = body.pop("_path", plan.path)
            token = body.pop("_token", None)
            answer = yield request(plan, path, json.dumps(body).encode(), token)
            plan.kept.append(json.loads(answer[answer.find(b"\r\n\r\n") + 4 :]))

    return script


SCRIPTS: Mapping[str, Callable[[Plan], Scripts]] = {
    "authorize": authorize,
    "retry": retry,
    "storm": storm,
    "lifecycle": lifecycle,
    "batch": batch,
    "post": post,
}
