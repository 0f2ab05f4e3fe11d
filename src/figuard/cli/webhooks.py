"""
``figuard webhooks``: who is told of what, and what became of each notice.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from figuard.cli.console import Output, fields, status, table, when
from figuard.cli.opening import client_of
from figuard.cli.options import Database, Json
from figuard.client.models import WebhookDelivery

app = typer.Typer(help="Where notices go, and what became of them.", no_args_is_help=True)
WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id.")]


@app.command()
def create(
    url: Annotated[str, typer.Argument(help="A public https address.")],
    events: Annotated[list[str], typer.Option("--event", "-e", help="A type of event; repeat it for more.")],
    secret: Annotated[
        str,
        typer.Option("--secret", envvar="FIGUARD_WEBHOOK_SECRET", prompt=True, hide_input=True, help="Signs notices."),
    ],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Send notices of some events to an address."""
    with client_of(database, create=True) as client:
        made = client.create_webhook(url, secret, events)
    pairs = (("id", made.id), ("url", made.url), ("events", ", ".join(made.events)))
    Output(as_json=as_json).show(made, lambda: fields(pairs))


@app.command("list")
def list_webhooks(database: Database = None, as_json: Json = False) -> None:
    """List webhooks, without their secrets."""
    with client_of(database) as client:
        found = client.list_webhooks()
    shown = table("id", "url", "events", "created", loose=("url", "events"))
    for one in found:
        shown.add_row(one.id, one.url, ", ".join(one.events), when(one.created_at))
    out = Output(as_json=as_json)
    out.show(found, out.listing(shown, "no webhooks"))


@app.command()
def delete(webhook: WebhookId, database: Database = None, as_json: Json = False) -> None:
    """Send no more notices to a webhook; what was sent stays on record."""
    with client_of(database) as client:
        client.delete_webhook(webhook)
    Output(as_json=as_json).show({"id": webhook, "deleted": True}, f"{webhook} is deleted")


@app.command("test")
def send_test(webhook: WebhookId, database: Database = None, as_json: Json = False) -> None:
    """
    Send a test notice now.

    Exit status 1 when it was not taken.
    """
    with client_of(database) as client:
        result = client.test_webhook(webhook)
    verdict = Text("taken", "green") if result.success else Text("not taken", "red")
    pairs = (
        ("result", verdict),
        ("status", None if result.response_status is None else str(result.response_status)),
        ("answer", Text(result.response_body) if result.response_body else None),
        ("problem", Text(result.error_message) if result.error_message else None),
        ("took", f"{result.duration_ms} ms"),
    )
    Output(as_json=as_json).show(result, lambda: fields(pairs))
    raise typer.Exit(0 if result.success else 1)


@app.command()
def deliveries(
    webhook: Annotated[str | None, typer.Argument(metavar="WEBHOOK", help="Of this webhook only.")] = None,
    state: Annotated[str | None, typer.Option("--status", help="PENDING, DELIVERED or FAILED.")] = None,
    event: Annotated[str | None, typer.Option("--event", "-e", help="Of this type only.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List notices, newest first."""
    with client_of(database) as client:
        found = client.get_webhook_deliveries(webhook) if webhook else client.get_all_deliveries(state, event)
    if webhook:
        found = [one for one in found if state in {None, one.status} and event in {None, one.event_type}]
    shown = table(
        "id", "event", "status", "tries", "answer", "created", "delivered", right=("tries",), loose=("answer",)
    )
    for one in found:
        shown.add_row(
            one.id,
            one.event_type,
            status(one.status),
            str(one.attempt_count),
            Text(_answer(one)),
            when(one.created_at),
            when(one.delivered_at),
        )
    out = Output(as_json=as_json)
    out.show(found, out.listing(shown, "no notices"))


def _answer(delivery: WebhookDelivery) -> str:
    said = "" if delivery.response_status is None else str(delivery.response_status)
    return delivery.error_message or said


@app.command()
def retry(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The id of a notice that was given up.")],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Send a notice that was given up once more, with the next sweep."""
    with client_of(database) as client:
        client.retry_delivery(delivery)
    Output(as_json=as_json).show({"id": delivery, "status": "PENDING"}, f"{delivery} waits for the next sweep")
