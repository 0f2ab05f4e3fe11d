"""
Secrets at rest: webhook secrets are sealed, peppers can be replaced, nothing secret is logged.
"""

from __future__ import annotations

import asyncio
import stat
from base64 import b64encode
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from figuard.domain.admin import Delivery
from figuard.embedded import Embedded, Post
from figuard.ports import GetRecords, Kind, ListRecords
from figuard.server.backend import open_backend
from figuard.server.logs import redacted
from figuard.server.settings import load
from figuard.stores import open_store
from figuard.testing.determinism import ManualClock
from figuard.webhooks.opening import SealedSecretError
from figuard.webhooks.secretbox import SecretBox
from figuard.webhooks.signing import body_signature
from tests.server.desk import Desk
from tests.server.story import HOOK

KEY = bytes(range(32))


OWNER = ("tenant", "webhook")


def test_a_sealed_secret_opens_again_and_never_looks_the_same():
    box = SecretBox(KEY)
    one, two = box.seal("whsec_ünï", *OWNER), box.seal("whsec_ünï", *OWNER)

    assert one.startswith("enc2:")
    assert one != two
    assert "whsec_ünï" == box.open(one, *OWNER) == box.open(two, *OWNER)


def test_a_text_that_was_never_sealed_is_itself():
    assert "plain" == SecretBox(KEY).open("plain", *OWNER)


def sealed_before(secret):
    """
    What an earlier version stored: nothing in the tag but the secret.
    """
    nonce = bytes(12)
    return "enc:" + b64encode(nonce + AESGCM(KEY).encrypt(nonce, secret.encode(), None)).decode()


def test_what_was_sealed_for_nobody_in_particular_still_opens():
    assert "old" == SecretBox(KEY).open(sealed_before("old"), *OWNER)


@pytest.mark.parametrize("stranger", [("tenant", "another"), ("another", "webhook"), ("tenantw", "ebhook")])
def test_a_secret_opens_for_its_own_webhook_only(stranger):
    box = SecretBox(KEY)

    with pytest.raises(ValueError, match="cannot be opened"):
        box.open(box.seal("x", *OWNER), *stranger)


def test_a_sealed_secret_does_not_open_as_an_old_one():
    box = SecretBox(KEY)

    with pytest.raises(ValueError, match="cannot be opened"):
        box.open(box.seal("x", *OWNER).replace("enc2:", "enc:"), *OWNER)


@pytest.mark.parametrize("prefix", ["enc:", "enc2:"])
@pytest.mark.parametrize("stored", ["", "é", "AAAA", b64encode(bytes(60)).decode()])
def test_a_damaged_secret_is_said_to_be_one(prefix, stored):
    with pytest.raises(ValueError, match="cannot be opened"):
        SecretBox(KEY).open(prefix + stored, *OWNER)


def test_another_key_opens_nothing():
    with pytest.raises(ValueError, match="cannot be opened"):
        SecretBox(bytes(32)).open(SecretBox(KEY).seal("x", *OWNER), *OWNER)


async def test_a_webhooks_secret_is_stored_sealed(desk):
    key = await desk.key()
    made = (await desk.call("POST", "/webhooks", HOOK, key=key)).json()

    stored = (await desk.backend.engine.query(GetRecords(Kind.WEBHOOKS, (made["id"],))))[made["id"]]

    assert stored.secret.startswith("enc2:")
    assert HOOK["secret"] == desk.backend.box.open(stored.secret, stored.tenant_id, stored.id)


@pytest.fixture
def receiver():
    """
    A receiver on this machine, which notes the signatures of what it is sent.
    """
    received = []

    class Note(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((body, self.headers["X-Webhook-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Note)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    thread.join()
    server.server_close()


async def told_on_a_server(database, url, **settings):
    """
    Let a server seal a webhook's secret, and have something to tell it.
    """
    chosen = load({}, database=database, background=False, **settings)
    clock = ManualClock()
    desk = Desk(chosen, await open_backend(chosen, clock=clock), clock)
    key = await desk.key()
    await desk.call("POST", "/webhooks", HOOK | {"url": url}, key=key)
    await desk.authorize(key, await desk.budget(key), requestedQuantity=5000)
    await desk.http.aclose()
    await desk.server.stop()


# When the server's clock, which tests turn by hand, has stood for a while.
LATE = ManualClock("2030-01-01T01:00:00Z")


def swept(database):
    """
    Sweep the file that the server has left, as ``figuard sweep`` does, but for letting notices out to this machine.
    """
    store = open_store(database)
    with closing(Embedded(store, clock=LATE, deliver=Post(store, allow_private=True))) as books:
        return books.sweep()


@pytest.mark.parametrize("where", ["variable", "file", "database"])
async def test_a_sweep_signs_with_what_a_server_has_sealed(tmp_path, receiver, monkeypatch, where):
    url, received = receiver
    database, key = str(tmp_path / "x.db"), b64encode(KEY).decode()
    settings = {}
    if where == "variable":
        settings = {"secret_key": KEY}
        monkeypatch.setenv("FIGUARD_WEBHOOK_SECRET_KEY", key)
    elif where == "file":
        (tmp_path / "secrets.env").write_text(f"FIGUARD_WEBHOOK_SECRET_KEY={key}\nFIGUARD_TOKEN_PEPPER=p\n")
        settings = {"secrets_file": str(tmp_path / "secrets.env")}
        monkeypatch.setenv("FIGUARD_SECRETS_FILE", settings["secrets_file"])
    await told_on_a_server(database, url, webhook_allow_private=True, **settings)

    done = await asyncio.to_thread(swept, database)

    ((body, signature),) = received
    assert (1, 0) == (done.delivered, done.undelivered)
    assert body_signature(body, HOOK["secret"]) == signature


@pytest.mark.parametrize("key", [None, b64encode(bytes(31) + b"x").decode()])
async def test_a_sweep_without_the_servers_key_sends_nothing_and_says_why(tmp_path, receiver, monkeypatch, key):
    url, received = receiver
    database = str(tmp_path / "x.db")
    await told_on_a_server(database, url, webhook_allow_private=True, secret_key=KEY)
    if key is not None:
        monkeypatch.setenv("FIGUARD_WEBHOOK_SECRET_KEY", key)

    with pytest.raises(SealedSecretError, match="FIGUARD_WEBHOOK_SECRET_KEY"):
        await asyncio.to_thread(swept, database)

    assert [] == received
    # The notice is still the first server's that comes with the key: no attempt was wasted on it.
    store = open_store(database)
    with closing(store):
        (delivery,) = store.query(ListRecords(Delivery, None))
    assert (0, "PENDING") == (delivery.attempts, delivery.status)


async def test_an_older_pepper_still_opens_what_it_hashed(tmp_path):
    """
    Keys and session tokens made before the change go on working after it, and new ones use the new pepper.
    """
    file = str(tmp_path / "x.db")
    clock = ManualClock()

    async def opened(*peppers):
        settings = load({}, database=file, peppers=peppers, background=False)
        return Desk(settings, await open_backend(settings, clock=clock), clock)

    before = await opened("old")
    key = await before.key()
    budget = await before.budget(key)
    await before.server.stop()
    between = await opened("new", "old")
    one = await between.authorize(key, budget)
    fresh = await between.budget(key)
    spend = {"agentId": "a", "actionType": "S", "description": "d", "requestedQuantity": 1, "idempotencyKey": "b"}
    token = budget["tokens"][0]["sessionToken"]
    batch = await between.call("POST", "/authorize/batch", {"requests": [spend | {"sessionToken": token}]}, key=key)
    agent = await between.key("agent")
    read = await between.call("GET", f"/budgets/{budget['id']}", key=agent, X_Session_Token=token)
    await between.server.stop()
    after = await opened("new")
    gone = await after.call("GET", "/budgets", key=key)
    stays = await after.authorize(await after.key(), fresh)
    await after.server.stop()

    assert (200, 200, 200, 401, 200) == tuple(x.status_code for x in (one, batch, read, gone, stays))


async def test_generated_secrets_are_kept_in_the_secrets_file(tmp_path):
    """
    The file is its owner's alone, and what is in it counts again the next time.
    """
    file = tmp_path / "data" / "secrets.env"
    settings = load({}, database=str(tmp_path / "x.db"), secrets_file=str(file))

    first = await open_backend(settings)
    await first.close()
    again = await open_backend(settings)
    await again.close()

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert ["FIGUARD_TOKEN_PEPPER", "FIGUARD_WEBHOOK_SECRET_KEY"] == [
        line.partition("=")[0] for line in file.read_text().splitlines()
    ]
    assert first.hasher.hash("x") == again.hasher.hash("x")
    assert "s" == again.box.open(first.box.seal("s", *OWNER), *OWNER)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"event": "key fg_live_abcdefgh123 failed"}, {"event": "key fg_live_… failed"}),
        ({"event": "st_abcdefghij", "n": 1}, {"event": "st_…", "n": 1}),
        ({"session_token": "anything"}, {"session_token": "[redacted]"}),
        ({"event": "the demo key fg_live_demo"}, {"event": "the demo key fg_live_demo"}),
    ],
)
def test_a_log_line_has_no_secret(given, shown):
    assert shown == redacted(None, "", given)
