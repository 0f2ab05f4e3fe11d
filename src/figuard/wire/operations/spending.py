"""
The operations around one spending.
"""

from __future__ import annotations

from figuard.domain.admin import KeyScope
from figuard.wire import requests as q
from figuard.wire import responses as r
from figuard.wire.operations.base import get, post
from figuard.wire.parse import spend as parse
from figuard.wire.render import spend as render
from figuard.wire.render import trees

AGENT = KeyScope.AGENT

SPENDING = (
    post(
        "authorize",
        "/authorize",
        "Ask, before spending, whether this agent may spend this.",
        q.AuthorizeRequest,
        r.AuthorizeResponse,
        parse.authorize,
        render.authorize,
        scope=AGENT,
        session_token=True,
        idempotent=True,
    ),
    post(
        "authorize_batch",
        "/authorize/batch",
        "Ask for several spendings in one transaction, all or nothing if wanted.",
        q.AuthorizeBatchRequest,
        r.AuthorizeBatchResponse,
        parse.authorize_batch,
        render.authorize_batch,
        scope=AGENT,
        idempotent=True,
    ),
    post(
        "confirm_event",
        "/events/{eventId}/confirm",
        "Settle the real amount; the rest of the hold is released.",
        q.ConfirmRequest,
        r.EventResponse,
        parse.confirm,
        render.settled,
        scope=AGENT,
        idempotent=True,
    ),
    post(
        "fail_event",
        "/events/{eventId}/fail",
        "Say that the spending did not happen; the hold is released.",
        q.FailRequest,
        r.EventResponse,
        parse.fail,
        render.settled,
        scope=AGENT,
        idempotent=True,
    ),
    post(
        "void_event",
        "/events/{eventId}/void",
        "Take an authorization back, with its live children if asked.",
        q.VoidRequest,
        r.EventResponse,
        parse.void,
        render.settled,
        scope=AGENT,
        idempotent=True,
    ),
    post(
        "void_tree",
        "/events/{eventId}/void-tree",
        "Take an authorization and everything below it back.",
        q.VoidTreeRequest,
        r.VoidTreeResponse,
        parse.void_tree,
        render.void_tree,
        scope=AGENT,
    ),
    post(
        "refund_event",
        "/events/{eventId}/refund",
        "Give back part or all of a confirmed amount.",
        q.RefundRequest,
        r.EventResponse,
        parse.refund,
        render.settled,
        scope=AGENT,
    ),
    post(
        "extend_event",
        "/events/{eventId}/extend",
        "Keep a hold for so many seconds from now.",
        q.ExtendEventRequest,
        r.EventResponse,
        parse.extend,
        render.settled,
        scope=AGENT,
        idempotent=True,
    ),
    post(
        "mark_event_unknown",
        "/events/{eventId}/unknown",
        "Say that nobody knows yet whether the money moved; the hold stays.",
        q.MarkEventUnknownRequest,
        r.EventResponse,
        parse.mark_unknown,
        render.settled,
        scope=AGENT,
        idempotent=True,
    ),
    post(
        "record_external_event",
        "/events/external",
        "Book spending that happened outside the agent's path.",
        q.ExternalEventRequest,
        r.EventResponse,
        parse.record_external,
        render.settled,
    ),
    get(
        "get_event",
        "/events/{eventId}",
        "Read one event.",
        r.EventResponse,
        parse.get_event,
        render.event,
        agent_reads=True,
    ),
    get(
        "get_chain",
        "/events/{eventId}/chain",
        "Read the causal chain of an event, from that event downwards.",
        r.ChainResponse,
        parse.get_chain,
        trees.chain,
        agent_reads=True,
    ),
)
"""Authorize, settle, take back, refund, read."""
