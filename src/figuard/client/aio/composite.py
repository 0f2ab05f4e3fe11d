# Generated from src/figuard/client/sync/composite.py by tools/generate_async_client.py: change that file, then run
# `make generate`.
"""
One action that needs several budgets at once, dollars and tokens say: all are authorized, or nothing is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from figuard.client.aio.core import Caller, given
from figuard.client.models import SpendEventResponse
from figuard.client.ops import composite as ops
from figuard.client.ops.arguments import TokenLike
from figuard.client.ops.composite import CompositeAuthorizationResult, CompositeOptions, Unspecified
from figuard.domain.amounts import AmountLike


@dataclass(frozen=True, slots=True)
class AsyncGuardedResource:
    """One resource: a ``AsyncFiGuardClient``, the session token of a budget, and a name of your own."""

    client: Any
    session_token: TokenLike = field(repr=False)
    resource: str


class AsyncCompositeGuard(Caller):
    """
    Authorizes several resources as one. Raises ``ValueError`` for no resources and for two of one name.

    Resources of one client (or of clients of the same books) are authorized in a single transaction. Others are
    authorized in order, and the first denial or error takes the earlier ones back.
    """

    def __init__(self, resources: Sequence[AsyncGuardedResource]) -> None:
        self._resources = ops.checked(resources)

    async def authorize(
        self,
        agent_id: str,
        action_type: str,
        description: str,
        requested: Mapping[str, AmountLike],
        idempotency_key: str | None = None,
        trace_id: str | None = None,
        **options: Unpack[CompositeOptions],
    ) -> CompositeAuthorizationResult:
        """
        Ask for so much of each resource; one that is not named is asked for 0.

        Each is asked under the key ``<idempotency_key>:<resource>``. *options* are those of ``authorize`` that all
        share. Raises ``ValueError`` for a name that is no resource, and what ``authorize`` raises.
        """
        asked = given(locals())
        return await self._run(ops.authorize(self._resources, **asked.pop("options"), **asked))

    async def confirm(
        self,
        result: CompositeAuthorizationResult,
        confirmed: Mapping[str, AmountLike],
        *,
        unspecified: Unspecified = "error",
    ) -> list[SpendEventResponse]:
        """
        Settle what was really spent of each resource.

        A resource that *confirmed* does not name is an error (``ValueError``, nothing is confirmed), unless
        *unspecified* says to confirm it at "zero" or at what was "authorized". Every resource is tried; raises
        ``FiGuardCompositeError`` naming those that failed.
        """
        return await self._run(ops.confirm(self._resources, result, confirmed, unspecified=unspecified))

    async def fail(
        self, result: CompositeAuthorizationResult, reason: str = "TOOL_ERROR", error_message: str | None = None
    ) -> list[SpendEventResponse]:
        """Say that nothing was spent. Every resource is tried; raises ``FiGuardCompositeError``."""
        return await self._run(ops.fail(self._resources, result, reason, error_message))

    async def void(
        self, result: CompositeAuthorizationResult, reason: str = "COMPOSITE_VOIDED"
    ) -> list[SpendEventResponse]:
        """Take every resource back. Every one is tried; raises ``FiGuardCompositeError``."""
        return await self._run(ops.void(self._resources, result, reason))
