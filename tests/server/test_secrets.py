"""
Secrets at rest: webhook secrets are sealed, peppers can be replaced, nothing secret is logged.
"""

from __future__ import annotations

import stat
from base64 import b64encode

import pytest

from figuard.ports import GetRecords, Kind
from figuard.server.backend import open_backend
from figuard.server.logs import redacted
from figuard.server.secretbox import SecretBox
from figuard.server.settings import load
from figuard.testing.determinism import ManualClock
from tests.server.desk import Desk
from tests.server.story import HOOK

KEY = bytes(range(32))


def test_a_sealed_secret_opens_again_and_never_looks_the_same():
    box = SecretBox(KEY)
    one, two = box.seal("whsec_ünï"), box.seal("whsec_ünï")

    assert one.startswith("enc:")
    assert one != two
    assert "whsec_ünï" == box.open(one) == box.open(two)


def test_a_text_that_was_never_sealed_is_itself():
    assert "plain" == SecretBox(KEY).open("plain")


@pytest.mark.parametrize("stored", ["enc:", "enc:é", "enc:AAAA", "enc:" + b64encode(bytes(60)).decode()])
def test_a_damaged_secret_is_said_to_be_one(stored):
    with pytest.raises(ValueError, match="cannot be opened"):
        SecretBox(KEY).open(stored)


def test_another_key_opens_nothing():
    with pytest.raises(ValueError, match="cannot be opened"):
        SecretBox(bytes(32)).open(SecretBox(KEY).seal("x"))


async def test_a_webhooks_secret_is_stored_sealed(desk):
    key = await desk.key()
    made = (await desk.call("POST", "/webhooks", HOOK, key=key)).json()

    stored = (await desk.backend.engine.query(GetRecords(Kind.WEBHOOKS, (made["id"],))))[made["id"]]

    assert stored.secret.startswith("enc:")
    assert HOOK["secret"] == desk.backend.box.open(stored.secret)


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
    assert "s" == again.box.open(first.box.seal("s"))


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
