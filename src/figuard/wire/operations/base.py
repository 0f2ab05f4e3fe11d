"""
What an operation of the API is.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from figuard.domain.admin import KeyScope
from figuard.domain.commands import Command
from figuard.domain.questions import Question
from figuard.domain.valueclass import valueclass
from figuard.wire.context import Call, Context

API_PREFIX = "/api/v1"
"""What stands before every path of the table."""

Parse = Callable[[Call, Context], Command | Question]
Render = Callable[[Any, Context], Any]


@valueclass
class Operation:
    """
    One operation of the API.

    ``path`` is below ``API_PREFIX``, with parameters in braces; ``query`` names what may stand after it.
    ``request`` is the type of the body (None: no body), ``response`` that of the answer (None: no body). ``parse``
    makes the command or question, ``render`` the response of its reply or view.

    ``scope`` is the least an API key needs (``permits``); ``agent_reads``: an agent's key may read it of its own
    budget. ``session_token``: the header is needed. ``idempotent``: a repeat is harmless even without an
    ``Idempotency-Key``. ``status_again`` is the status when the thing was there already.
    """

    name: str
    method: str
    path: str
    summary: str
    request: Any
    response: Any
    scope: KeyScope
    parse: Parse
    render: Render
    status: int = HTTPStatus.OK
    status_again: int | None = None
    query: tuple[str, ...] = ()
    session_token: bool = False
    idempotent: bool = False
    agent_reads: bool = False

    @property
    def url(self) -> str:
        """The whole path, with the prefix."""
        return API_PREFIX + self.path


def get(
    name: str,
    path: str,
    summary: str,
    response: object,
    parse: Parse,
    render: Render,
    *,
    scope: KeyScope = KeyScope.READ,
    query: tuple[str, ...] = (),
    agent_reads: bool = False,
) -> Operation:
    """Return an operation that reads."""
    return Operation(
        name,
        "GET",
        path,
        summary,
        None,
        response,
        scope,
        parse,
        render,
        query=query,
        idempotent=True,
        agent_reads=agent_reads,
    )


def post(
    name: str,
    path: str,
    summary: str,
    request: object,
    response: object,
    parse: Parse,
    render: Render,
    *,
    scope: KeyScope = KeyScope.OPERATOR,
    status: int = HTTPStatus.OK,
    status_again: int | None = None,
    session_token: bool = False,
    idempotent: bool = False,
    method: str = "POST",
) -> Operation:
    """Return an operation that changes something."""
    return Operation(
        name,
        method,
        path,
        summary,
        request,
        response,
        scope,
        parse,
        render,
        status=status,
        status_again=status_again,
        session_token=session_token,
        idempotent=idempotent,
    )


_MAY: dict[KeyScope, frozenset[KeyScope]] = {
    KeyScope.ADMIN: frozenset(KeyScope),
    KeyScope.OPERATOR: frozenset({KeyScope.OPERATOR, KeyScope.AGENT, KeyScope.READ}),
    KeyScope.AGENT: frozenset({KeyScope.AGENT}),
    KeyScope.READ: frozenset({KeyScope.READ}),
}


def permits(held: KeyScope, operation: Operation) -> bool:
    """
    Return whether a key of scope *held* may call *operation*.

    An agent spends and settles, and reads what it needs of its own budget; an operator runs budgets and may do what
    agents and readers do; an admin may do everything.
    """
    return operation.scope in _MAY[held] or (held is KeyScope.AGENT and operation.agent_reads)
