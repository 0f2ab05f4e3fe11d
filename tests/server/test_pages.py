"""
What people and probes read: health, metrics, receipts, and the API reference behind its login.
"""

from __future__ import annotations

import re

import pytest

from tests.server.story import furnished


async def test_health_is_exactly_what_probes_look_for(desk):
    answer = await desk.http.get("/actuator/health")

    assert (200, b'{"status":"UP"}') == (answer.status_code, answer.content)


@pytest.mark.parametrize("path", ["/actuator/health", "/readyz"])
async def test_a_server_without_its_database_is_down(desk, path):
    desk.backend.store.close()

    ready, alive = await desk.http.get(path), await desk.http.get("/healthz")

    assert (503, b'{"status":"DOWN"}') == (ready.status_code, ready.content)
    assert 200 == alive.status_code


async def test_a_server_that_stops_is_not_ready(desk):
    desk.server.health.is_stopping = True

    assert 503 == (await desk.http.get("/readyz")).status_code


@pytest.mark.parametrize("path", ["/metrics", "/actuator/metrics", "/actuator/prometheus"])
async def test_metrics_are_for_readers(desk, path):
    agent, reader = await desk.key("agent"), await desk.key("read")

    nobody = await desk.http.get(path)
    wrong = await desk.http.get(path, headers={"X-Agent-Budget-Key": agent})
    right = await desk.http.get(path, headers={"Authorization": f"Bearer {reader}"})

    assert (401, 403, 200) == (nobody.status_code, wrong.status_code, right.status_code)


@pytest.mark.parametrize("desk", [{"public_metrics": True}], indirect=True)
async def test_metrics_count_what_happened(desk):
    key = await desk.key()
    things = await furnished(desk, key)
    await desk.call("POST", things.path("confirm_event"), {"confirmedQuantity": 1}, key=key)

    shown = (await desk.http.get("/metrics")).text

    for line in (
        "figuard_authorize_approved_total 1.0",
        'figuard_authorize_denied_total{denial_reason="INSUFFICIENT_FUNDS"} 1.0',
        "figuard_event_confirmed_total 1.0",
        "figuard_authorize_latency_count 2.0",
        'figuard_requests_total{operation="create_budget",status="201"} 1.0',
        "figuard_queue_waiting 0.0",
    ):
        assert line in shown, line


async def receipt(desk):
    """
    The path of a receipt of a budget with hostile words in it, and its budget.
    """
    key = await desk.key()
    budget = await desk.budget(key, userId="<script>alert(1)</script>")
    event = (await desk.authorize(key, budget, description="<b>ads</b>", requestedQuantity=97.5)).json()
    url = (await desk.call("GET", f"/budgets/{budget['id']}/receipt", key=key)).json()["receiptUrl"]
    again = (await desk.call("GET", f"/budgets/{budget['id']}/receipt", key=key)).json()["receiptUrl"]
    assert url == again
    return key, budget, event, "/receipts/" + url.rpartition("/")[2]


async def test_a_receipt_shows_what_was_confirmed(desk):
    key, budget, event, path = await receipt(desk)
    empty = (await desk.http.get(path)).text
    await desk.call("POST", f"/events/{event['eventId']}/confirm", {"confirmedQuantity": 97.5}, key=key)

    answer = await desk.http.get(path)

    assert "No confirmed transactions yet" in empty
    assert 200 == answer.status_code
    assert "text/html; charset=utf-8" == answer.headers["content-type"]
    for words in ("Spend Receipt", budget["id"], "97.50", "100.00 USD", "SPEND", "agent"):
        assert words in answer.text, words


async def test_a_receipt_escapes_what_agents_wrote(desk):
    key, _, event, path = await receipt(desk)
    await desk.call("POST", f"/events/{event['eventId']}/confirm", {"confirmedQuantity": 1}, key=key)

    shown = (await desk.http.get(path)).text

    assert "<script>alert" not in shown
    assert "<b>ads" not in shown
    assert "&lt;b&gt;ads" in shown


@pytest.mark.parametrize("token", ["unknown", "x" * 500, "%00", "%E2%82%AC"])
async def test_an_unknown_receipt_is_a_404_page(desk, token):
    answer = await desk.http.get(f"/receipts/{token}")

    assert 404 == answer.status_code
    assert "Receipt Not Found" in answer.text


async def test_an_expired_receipt_is_a_410_page_and_a_new_one_can_be_made(desk):
    key, budget, _, path = await receipt(desk)
    desk.clock.advance("91d")

    answer = await desk.http.get(path)
    fresh = (await desk.call("GET", f"/budgets/{budget['id']}/receipt", key=key)).json()["receiptUrl"]

    assert 410 == answer.status_code
    assert "Receipt Expired" in answer.text
    assert 200 == (await desk.http.get("/receipts/" + fresh.rpartition("/")[2])).status_code


async def test_a_revoked_receipt_is_gone(desk):
    key, budget, _, path = await receipt(desk)

    await desk.call("DELETE", f"/budgets/{budget['id']}/receipt", key=key)

    assert 404 == (await desk.http.get(path)).status_code


# -- the API reference -------------------------------------------------------------------------------------------------


async def log_in(desk, key, goal="/swagger-ui", **changed):
    """
    Fill in the form and send it.
    """
    form = (await desk.http.get("/login", params={"next": goal})).text
    fields = {"csrf": re.search(r'name="csrf" value="([^"]+)"', form)[1], "next": goal, "key": key} | changed
    return await desk.http.post("/login", data=fields)


@pytest.mark.parametrize("path", ["/swagger-ui", "/swagger-ui.html"])
async def test_the_reference_is_behind_a_login(desk, path):
    before = await desk.http.get(path)
    entered = await log_in(desk, await desk.key("read"))
    after = await desk.http.get(path)
    document = await desk.http.get("/v3/api-docs")

    assert (303, f"/login?next={path}") == (before.status_code, before.headers["location"])
    assert (303, "/swagger-ui") == (entered.status_code, entered.headers["location"])
    cookie = entered.headers.get_list("set-cookie")[0].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert 200 == after.status_code
    assert "3.1.0" == document.json()["openapi"]


@pytest.mark.parametrize("path", ["/openapi.json", "/v3/api-docs"])
async def test_the_document_is_for_those_with_a_key(desk, path):
    nobody = await desk.http.get(path)
    somebody = await desk.http.get(path, headers={"X-Agent-Budget-Key": await desk.key("agent")})

    assert (401, 200) == (nobody.status_code, somebody.status_code)


@pytest.mark.parametrize("desk", [{"public_docs": True}], indirect=True)
@pytest.mark.parametrize("path", ["/openapi.json", "/v3/api-docs", "/swagger-ui", "/swagger-ui.html"])
async def test_the_reference_is_open_where_that_is_set(desk, path):
    assert 200 == (await desk.http.get(path)).status_code


async def test_a_wrong_key_is_not_let_in(desk):
    answer = await log_in(desk, "fg_live_wrong")

    assert 401 == answer.status_code
    assert "This key is unknown" in answer.text
    assert "fg_live_wrong" not in answer.text
    assert "figuard_session" not in desk.http.cookies


async def test_a_form_from_elsewhere_is_refused(desk):
    key = await desk.key()

    forged = await log_in(desk, key, csrf="forged")
    desk.http.cookies.clear()
    without = await desk.http.post("/login", data={"key": key, "csrf": "", "next": "/"})

    assert (403, "CSRF_FAILED") == (forged.status_code, forged.json()["code"])
    assert 403 == without.status_code


@pytest.mark.parametrize("goal", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", ""])
async def test_a_login_leads_nowhere_else(desk, goal):
    answer = await log_in(desk, await desk.key(), goal)

    assert "/swagger-ui" == answer.headers["location"]


async def test_a_session_ends_with_its_key_and_with_time(desk):
    admin = await desk.key()
    made = (await desk.call("POST", "/api-keys", {}, key=admin)).json()
    await log_in(desk, made["rawKey"])
    assert 200 == (await desk.http.get("/swagger-ui")).status_code
    await desk.call("POST", f"/api-keys/{made['id']}/revoke", key=admin)

    assert 303 == (await desk.http.get("/swagger-ui")).status_code

    await log_in(desk, await desk.key(tenant="other"))
    assert 200 == (await desk.http.get("/swagger-ui")).status_code
    desk.clock.advance("9h")
    assert 303 == (await desk.http.get("/swagger-ui")).status_code


async def test_a_forged_cookie_opens_nothing(desk):
    await log_in(desk, await desk.key())
    cookie = desk.http.cookies["figuard_session"]
    text, _, signature = cookie.partition(".")

    for forged in (text, f"{text}.", f"{text}x.{signature}", f".{signature}", "é.é", f"{text}.{signature[:-1]}0"):
        desk.http.cookies.clear()
        answer = await desk.http.get("/swagger-ui", headers={"Cookie": f"figuard_session={forged}".encode()})
        assert 303 == answer.status_code, forged


async def test_a_session_is_left_by_a_form_of_its_own(desk):
    await log_in(desk, await desk.key())
    page = (await desk.http.get("/swagger-ui")).text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]

    forged = await desk.http.post("/logout", data={"csrf": "forged"})
    left = await desk.http.post("/logout", data={"csrf": csrf})

    assert (403, 303) == (forged.status_code, left.status_code)
    assert 303 == (await desk.http.get("/swagger-ui")).status_code


@pytest.mark.parametrize("desk", [{"public_docs": True}], indirect=True)
async def test_pages_need_nothing_from_elsewhere_and_nothing_inline(desk):
    """
    What the policy forbids a browser to do, no page of ours tries.
    """
    for path in ("/swagger-ui", "/login", "/receipts/unknown"):
        page = (await desk.http.get(path)).text
        for address in re.findall(r'(?:src|href)="([^"]+)"', page):
            answer = await desk.http.get(address)
            assert 200 == answer.status_code, address
            assert answer.headers["cache-control"].startswith("public")
        assert "<script>" not in page
        assert "<style" not in page
        assert " style=" not in page


async def test_a_file_that_is_known_is_not_sent_again(desk):
    first = await desk.http.get("/static/pages.css")
    again = await desk.http.get("/static/pages.css", headers={"If-None-Match": first.headers["etag"]})

    assert (200, 304, b"") == (first.status_code, again.status_code, again.content)


@pytest.mark.parametrize("name", ["../app.py", "..%2Fapp.py", "vendor/LICENSE", "nothing.js", ""])
async def test_no_other_file_can_be_reached(desk, name):
    assert 404 == (await desk.http.get(f"/static/{name}")).status_code
