"""
Who may do what, for every operation of the table: keys, scopes, tenants.
"""

from __future__ import annotations

import pytest

from figuard.domain.admin import KeyScope
from figuard.ports import Books, ReadEntries
from figuard.wire.operations import OPERATIONS, permits
from tests.server.story import ABSENT, ask, furnished

LISTS = {name for name, operation in OPERATIONS.items() if "{" not in operation.path}


async def recorded(desk):
    """
    Everything in every ledger, and every record that no ledger shows.
    """
    engine = desk.backend.engine
    books = await engine.query(Books())
    entries = [await engine.query(ReadEntries(book)) for book in books]
    with desk.backend.store.connections.raw() as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    return entries, rows


def told(answer):
    """
    What an answer says, without what differs from request to request.
    """
    body = answer.text
    for own in ("0f8fad5b-d9cb-469f-a165-70867728950e", "nobody", "customer/1"):
        body = body.replace(own, "…")
    return answer.status_code, body


@pytest.mark.parametrize("name", OPERATIONS)
async def test_without_a_key_nothing_opens(desk, name):
    things = await furnished(desk, await desk.key())
    before = await recorded(desk)

    answer = await ask(desk, name, things, None)

    assert 401 == answer.status_code
    assert "X-Agent-Budget-Key" in answer.json()["error"]
    assert "message" not in answer.json()
    assert before == await recorded(desk)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("held", KeyScope)
async def test_a_scope_opens_what_the_table_says(desk, name, held):
    things = await furnished(desk, await desk.key())
    key = await desk.key(held)
    before = await recorded(desk)

    answer = await ask(desk, name, things, key, X_Session_Token=things.session)

    if permits(held, OPERATIONS[name]):
        assert answer.status_code not in {401, 403}, answer.text
    else:
        assert (403, "SCOPE_FORBIDDEN") == (answer.status_code, answer.json()["error"])
        assert before == await recorded(desk)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - LISTS - {"authorize", "authorize_batch"}))
async def test_a_foreign_thing_is_an_absent_thing(desk, name):
    """
    Another tenant's things can be neither read nor changed, and answers do not tell whether they exist.
    """
    things = await furnished(desk, await desk.key())
    stranger = await desk.key(tenant="other")
    before = await recorded(desk)

    foreign = await ask(desk, name, things, stranger)
    absent = await ask(desk, name, things, stranger, absent=True)

    shown = told(foreign)[1]
    for own in things.ids.values():
        shown = shown.replace(own, "…")
    assert 404 == foreign.status_code
    assert (absent.status_code, told(absent)[1]) == (foreign.status_code, shown)
    assert before == await recorded(desk)


@pytest.mark.parametrize("name", sorted(LISTS & {n for n, o in OPERATIONS.items() if o.method == "GET"}))
async def test_a_list_shows_nothing_of_others(desk, name):
    things = await furnished(desk, await desk.key())
    stranger = await desk.key(tenant="other")

    answer = await ask(desk, name, things, stranger)

    assert 200 == answer.status_code
    assert not [own for own in things.ids.values() if own in answer.text]


async def test_a_foreign_token_is_refused_and_moves_nothing(desk):
    things = await furnished(desk, await desk.key())
    stranger = await desk.key(tenant="other")
    before = await recorded(desk)

    answer = await ask(desk, "authorize", things, stranger)
    batch = await ask(desk, "authorize_batch", things, stranger)
    external = await ask(desk, "record_external_event", things, stranger)
    cancelled = await ask(desk, "cancel_batch", things, stranger)

    assert (403, "TENANT_MISMATCH") == (answer.status_code, answer.json()["error"])
    assert batch.status_code in {401, 403}
    assert 404 == external.status_code
    assert [] == cancelled.json()
    assert before == await recorded(desk)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_revoked_key_opens_nothing(desk, name):
    """
    Not even while its hint is still warm: the key worked a moment ago.
    """
    admin, key = await desk.key(), await desk.key()
    things = await furnished(desk, admin)
    assert 200 == (await desk.call("GET", "/api-keys", key=key)).status_code
    listed = (await desk.call("GET", "/api-keys", key=admin)).json()
    mine = next(one["id"] for one in listed if one["keyPrefix"] == key[:12] and one["id"] != things.ids["keyId"])
    assert 200 == (await desk.call("POST", f"/api-keys/{mine}/revoke", key=admin)).status_code
    before = await recorded(desk)

    answer = await ask(desk, name, things, key)

    assert 401 == answer.status_code
    assert before == await recorded(desk)


async def test_a_key_that_another_server_revoked_opens_nothing(desk):
    """
    A hint that this process still trusts lets no change through: the batch looks under the lock.
    """
    from figuard.domain.commands import Order, RevokeApiKey

    key = await desk.key()
    things = await furnished(desk, key)
    listed = (await desk.call("GET", "/api-keys", key=key)).json()
    mine = next(one["id"] for one in listed if one["id"] != things.ids["keyId"])
    await desk.backend.engine.execute(Order(RevokeApiKey(mine), "acme", "elsewhere"))

    change = await desk.call("POST", things.path("fund_budget"), {"operation": "CREDIT", "amount": 1}, key=key)
    read = await desk.call("GET", things.path("get_budget"), key=key)

    assert (401, 401) == (change.status_code, read.status_code)


async def test_a_read_trusts_a_key_for_less_than_a_second(desk):
    from figuard.domain.commands import Order, RevokeApiKey

    key = await desk.key()
    listed = (await desk.call("GET", "/api-keys", key=key)).json()
    await desk.backend.engine.execute(Order(RevokeApiKey(listed[0]["id"]), "acme", "elsewhere"))
    desk.clock.advance("1s")

    assert 401 == (await desk.call("GET", "/budgets", key=key)).status_code


async def test_a_key_ends_when_it_expires(desk):
    admin = await desk.key()
    made = await desk.call("POST", "/api-keys", {"expiresAt": "2030-01-01T01:00:00Z"}, key=admin)
    key = made.json()["rawKey"]
    assert 200 == (await desk.call("GET", "/budgets", key=key)).status_code

    desk.clock.advance("1h")

    assert 401 == (await desk.call("GET", "/budgets", key=key)).status_code


async def test_an_agent_reads_its_own_budget_only(desk):
    """
    Its own is the one whose session token it presents.
    """
    admin, agent = await desk.key(), await desk.key("agent")
    own, other = await desk.budget(admin), await desk.budget(admin)
    token = own["tokens"][0]["sessionToken"]

    shown = await desk.call("GET", f"/budgets/{own['id']}", key=agent, X_Session_Token=token)
    hidden = await desk.call("GET", f"/budgets/{other['id']}", key=agent, X_Session_Token=token)
    without = await desk.call("GET", f"/budgets/{own['id']}", key=agent)
    unknown = await desk.call("GET", f"/budgets/{own['id']}", key=agent, X_Session_Token="st_unknown")

    assert (200, 404, 403, 401) == tuple(one.status_code for one in (shown, hidden, without, unknown))


async def test_an_agent_that_shows_its_token_settles_its_own_events_only(desk):
    admin, agent = await desk.key(), await desk.key("agent")
    own, other = await desk.budget(admin), await desk.budget(admin)
    event = (await desk.authorize(agent, other)).json()["eventId"]
    path = f"/events/{event}/confirm"

    token = own["tokens"][0]["sessionToken"]
    wrong = await desk.call("POST", path, {"confirmedQuantity": 1}, key=agent, X_Session_Token=token)
    without = await desk.call("POST", path, {"confirmedQuantity": 1}, key=agent)

    assert (404, 200) == (wrong.status_code, without.status_code)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_key_for_another_budget_opens_nothing(desk, name):
    """
    Whatever session token it shows along: to a key that was issued for one budget every other one is absent.
    """
    admin = await desk.key()
    things = await furnished(desk, admin)
    own = await desk.budget(admin)
    key = await desk.key("agent", budget_id=own["id"])
    before = await recorded(desk)

    foreign = await ask(desk, name, things, key)
    absent = await ask(desk, name, things, key, absent=True)
    beside = await ask(desk, name, things, key, X_Session_Token=things.session)

    shown = told(foreign)[1]
    for thing in things.ids.values():
        shown = shown.replace(thing, "…")
    assert {foreign.status_code, beside.status_code} <= {401, 403, 404}
    assert (absent.status_code, told(absent)[1]) == (foreign.status_code, shown)
    if not permits(KeyScope.AGENT, OPERATIONS[name]):
        assert "SCOPE_FORBIDDEN" == foreign.json()["error"]
    assert before == await recorded(desk)


@pytest.mark.parametrize("name", sorted(n for n, o in OPERATIONS.items() if permits(KeyScope.AGENT, o)))
async def test_a_key_for_a_budget_opens_that_one(desk, name):
    """
    For reading and settling it needs no session token beside it.
    """
    things = await furnished(desk, await desk.key())
    key = await desk.key("agent", budget_id=things.ids["budgetId"])

    answer = await ask(desk, name, things, key)

    assert answer.status_code not in {401, 403, 404}, answer.text


async def test_a_key_for_a_budget_shows_no_token_of_another(desk):
    admin = await desk.key()
    own, other = await desk.budget(admin), await desk.budget(admin)
    key = await desk.key("agent", budget_id=own["id"])
    path = f"/budgets/{own['id']}"

    foreign = await desk.call("GET", path, key=key, X_Session_Token=other["tokens"][0]["sessionToken"])
    unknown = await desk.call("GET", path, key=key, X_Session_Token="st_unknown")
    right = await desk.call("GET", path, key=key, X_Session_Token=own["tokens"][0]["sessionToken"])

    assert (401, 200) == (foreign.status_code, right.status_code)
    assert told(unknown) == told(foreign)


async def test_a_key_is_issued_for_a_budget_over_http(desk):
    admin = await desk.key()
    own = await desk.budget(admin)
    body = {"scope": "agent", "budgetId": own["id"]}

    made = await desk.call("POST", "/api-keys", body, key=admin)
    rotated = await desk.call("POST", f"/api-keys/{made.json()['id']}/rotate", key=admin)
    absent = await desk.call("POST", "/api-keys", body | {"budgetId": ABSENT}, key=admin)
    foreign = await desk.call("POST", "/api-keys", body, key=await desk.key(tenant="other"))

    assert (201, own["id"], own["id"]) == (made.status_code, made.json()["budgetId"], rotated.json()["budgetId"])
    assert (404, 404) == (absent.status_code, foreign.status_code)
    assert foreign.json()["message"] == absent.json()["message"].replace(ABSENT, own["id"])
