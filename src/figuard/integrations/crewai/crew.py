"""
A whole crew of CrewAI under one budget, with a token for each of its members.

A member's tools are those of the agent and of its tasks, and those that CrewAI fetches for it at kickoff (MCP servers,
platform apps). What CrewAI adds by itself (delegating, asking, remembering) costs nothing and stays as it is.
"""

from __future__ import annotations

import copy
import functools
import uuid
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from figuard.client.exceptions import FiGuardConfigError
from figuard.client.models import Budget
from figuard.integrations.crewai.tools import FiGuardCrewGuard
from figuard.integrations.guard import ToolGuard, is_blocking, new_guard

if TYPE_CHECKING:
    from figuard.client.async_client import AsyncFiGuardClient
    from figuard.client.ops.access import Caps
    from figuard.client.ops.arguments import TokenLike
    from figuard.client.sync.client import FiGuardClient
    from figuard.domain.amounts import AmountLike

_FETCHING = ("get_mcp_tools", "get_platform_tools")
"""Methods of an agent by which CrewAI fetches tools at kickoff. Older releases have none of them."""
_LABEL_MAX = 100
_MANAGER = "manager"
"""Who spends for tasks of nobody, which a manager hands out whom CrewAI makes at kickoff."""


class FiGuardCrew:
    """
    A guarded crew, made by ``guard_crew``. ``tokens`` holds each member's token by role.

    ``guards`` are the guards of its tools. ``unwrap`` takes all of them off again.
    """

    def __init__(self, crew: Any, tokens: Mapping[str, TokenLike]) -> None:  # noqa: ANN401 - a Crew
        self.crew = crew
        self.tokens = dict(tokens)
        self.guards: list[FiGuardCrewGuard] = []
        self._undo: list[Callable[[], object]] = []

    def unwrap(self) -> Any:  # noqa: ANN401 - the caller's own
        """Take the guards off and return the crew as it was. Tokens stay valid. Harmless twice."""
        while self._undo:
            self._undo.pop()()
        return self.crew

    def guard(self, guard: ToolGuard, tool: Any) -> None:  # noqa: ANN401 - any tool of CrewAI
        """Guard one more tool; ``unwrap`` takes that back too."""
        made = FiGuardCrewGuard.over(guard, tool)
        self.guards.append(made)
        self._undo.append(made.unwrap)

    def put(self, owner: Any, attribute: str, value: object) -> None:  # noqa: ANN401 - an agent or a task
        """Replace an attribute, past all validation; ``unwrap`` takes that back too."""
        is_own = attribute in vars(owner)
        before = getattr(owner, attribute)
        object.__setattr__(owner, attribute, value)

        def back() -> None:
            if is_own:
                object.__setattr__(owner, attribute, before)
            else:
                object.__delattr__(owner, attribute)

        self._undo.append(back)


def guard_crew(
    crew: Any,  # noqa: ANN401 - a Crew
    client: FiGuardClient | AsyncFiGuardClient | None = None,
    budget: Budget | AmountLike | None = None,
    *,
    tokens: Mapping[str, TokenLike] | None = None,
    caps: Mapping[str, Caps] | None = None,
    **options: Any,  # noqa: ANN401 - those of client.guard, which refuses what it does not know
) -> FiGuardCrew:
    """
    Guard every tool of a crew: ``guard_crew(crew, client, budget, caps={"Researcher": {"search": 20}})``.

    Each member spends with a delegation token of its own, made below *budget*: with the *caps* of its role, or without
    any, sharing the budget's limit. An amount is a budget opened here, in USD for 24 hours; without *client* it is
    ``FiGuardClient()``. Or give the *tokens* yourself, by role. A member with a single cap spends in that category,
    unless ``category`` or ``tool_category_map`` say another. *options* are those of ``client.guard``.

    Tools are guarded in place. A tool that several members hold is copied for all but the first, since each spends
    another token. A copy of the crew (``kickoff_for_each``) is guarded too. Raises ``FiGuardUnguardableError``, with
    nothing guarded, when a tool cannot be guarded or is already; ``ValueError`` for a role without a token, or caps of
    nobody; ``FiGuardConfigError`` for a budget with an asyncio client, which would have to be awaited.
    """
    members = list(_members(crew))
    roles = {role for role, _ in members}
    if unknown := sorted(set(caps or ()) - roles):
        raise ValueError(f"nobody in this crew is called {', '.join(map(repr, unknown))}; there are {sorted(roles)}")
    client = client or _default_client()
    if isinstance(budget, (int, str, float, Decimal)):
        budget = _opened(client, budget, str(options.get("currency") or "USD"))
    if budget is not None and budget.currency:
        options = {"currency": budget.currency, **options}
    paid_by = _tokens(client, budget, tokens, members, caps or {})
    guarded = FiGuardCrew(crew, paid_by)
    guards: dict[int, ToolGuard] = {}
    for role, agent in members:
        member = client.guard(paid_by[role], **options).with_options(agent_id=role)
        only = None if "category" in options else _only_category((caps or {}).get(role))
        guards[id(agent)] = member if only is None else member.with_options(category=only)
    try:
        _guard_tools(guarded, crew, guards)
        for _, agent in members:
            if agent is not None:
                _guard_fetched(guarded, agent, guards[id(agent)])
    except BaseException:
        guarded.unwrap()
        raise
    return guarded


def _default_client() -> FiGuardClient:
    from figuard.client.sync.client import FiGuardClient

    return FiGuardClient()


def _members(crew: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a Crew
    """Yield everybody who uses tools, once, by role; None is the manager whom CrewAI makes at kickoff."""
    seen: set[int] = set()
    for agent in (*crew.agents, crew.manager_agent, *(task.agent for task in crew.tasks)):
        if agent is not None and id(agent) not in seen:
            seen.add(id(agent))
            yield agent.role.strip(), agent
    if crew.manager_agent is None and any(task.agent is None for task in crew.tasks):
        yield _MANAGER, None


def _opened(client: FiGuardClient | AsyncFiGuardClient, limit: AmountLike, currency: str) -> Budget:
    opened = new_guard(cast("FiGuardClient", client), budget=limit, currency=currency).policy.budget
    assert isinstance(opened, Budget)
    return opened


def _tokens(
    client: FiGuardClient | AsyncFiGuardClient,
    budget: Budget | None,
    tokens: Mapping[str, TokenLike] | None,
    members: list[tuple[str, Any]],
    caps: Mapping[str, Caps],
) -> dict[str, TokenLike]:
    """Return who pays for whom. Members of one role share one token."""
    roles = list(dict.fromkeys(role for role, _ in members))
    if budget is not None and tokens is None:
        if not is_blocking(client):
            raise FiGuardConfigError(
                f"this makes tokens at once, for which {type(client).__name__} must be awaited; give it tokens="
            )
        # A label is used once per budget, and the next crew may well have the same roles.
        crew_label = uuid.uuid4().hex[:8]
        return {
            role: client.create_delegation_token(budget, f"{role[:_LABEL_MAX]} ({crew_label})", caps.get(role, ()))
            for role in roles
        }
    if budget is not None or tokens is None:
        raise ValueError("give a budget, to make tokens below it, or the tokens by role; one of them")
    if caps:
        raise ValueError("tokens have their caps already; give caps with a budget")
    if missing := [role for role in roles if not tokens.get(role)]:
        raise ValueError(f"there is no token for {', '.join(map(repr, missing))}")
    return {role: tokens[role] for role in roles}


def _only_category(caps: Caps | None) -> str | None:
    if isinstance(caps, Mapping) and len(caps) == 1:
        return next(iter(caps))
    return None


def _guard_tools(
    guarded: FiGuardCrew,
    crew: Any,  # noqa: ANN401 - a Crew
    guards: Mapping[int, ToolGuard],
) -> None:
    """Guard the tools of agents and tasks, each with the token of who uses it."""
    agents = [agent for _, agent in _members(crew) if agent is not None]
    holders = [(agent, id(agent)) for agent in agents]
    holders += [(task, id(crew.manager_agent if task.agent is None else task.agent)) for task in crew.tasks]
    first: dict[int, int] = {}
    forms: dict[tuple[int, int], Any] = {}
    for holder, user in holders:
        for tool in holder.tools or ():
            if (id(tool), user) not in forms:
                is_first = first.setdefault(id(tool), user) == user
                forms[id(tool), user] = tool if is_first else copy.copy(tool)
    # Every copy is made before the first guard, so that none carries the guard of another member.
    plans = [(holder, [forms[id(tool), user] for tool in holder.tools]) for holder, user in holders if holder.tools]
    for (_, user), form in forms.items():
        guarded.guard(guards[user], form)
    for holder, tools in plans:
        guarded.put(holder, "tools", tools)


def _guard_fetched(guarded: FiGuardCrew, agent: Any, guard: ToolGuard) -> None:  # noqa: ANN401 - an agent
    """Guard what CrewAI will fetch for an agent, as soon as it has fetched it."""
    for name in _FETCHING:
        fetch: Any = getattr(agent, name, None)
        if callable(fetch):
            guarded.put(agent, name, _guarding(fetch, guard))


def _guarding(fetch: Callable[..., Any], guard: ToolGuard) -> Callable[..., list[Any]]:
    @functools.wraps(fetch)
    def fetched(*args: Any, **kwargs: Any) -> list[Any]:  # noqa: ANN401 - CrewAI's own
        tools = fetch(*args, **kwargs)
        for tool in tools:
            FiGuardCrewGuard.over(guard, tool)
        return tools

    return fetched
