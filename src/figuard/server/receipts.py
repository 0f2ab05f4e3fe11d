"""
Receipts: the public page behind a link, about one budget, until the link expires or is revoked.
"""

from __future__ import annotations

from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from figuard.domain.codes import ErrorCode
from figuard.domain.questions import ReadReceipt
from figuard.domain.refusal import Refusal
from figuard.domain.views import ReceiptView
from figuard.engine.async_engine import AsyncEngine
from figuard.server.pages import Page, html

TOKEN_LENGTH_MAX = 128
"""How many characters a receipt's token may have; a longer one is unknown."""


class Receipts:
    """Shows receipts."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Read them by *engine*."""
        self._engine = engine

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [Route("/receipts/{token}", Page(GET=self.show))]

    async def show(self, request: Request) -> Response:
        """Return the page of a receipt, or one that says why there is none."""
        token: str = request.path_params["token"]
        try:
            if len(token) > TOKEN_LENGTH_MAX or not token.isascii() or not token.isprintable():
                raise Refusal(ErrorCode.NOT_FOUND, "there is no such receipt")
            view = cast("ReceiptView", await self._engine.ask(ReadReceipt(token), ""))
        except Refusal as refusal:
            if refusal.code is ErrorCode.NOT_FOUND:
                return html("gone.html", 404, title="Receipt Not Found", says="Check the link, or ask for a new one.")
            if refusal.code is ErrorCode.RECEIPT_EXPIRED:
                return html("gone.html", 410, title="Receipt Expired", says=refusal.row.remedy)
            raise
        budget = view.budget

        return html(
            "receipt.html",
            receipt=view.receipt,
            budget=budget,
            events=view.events,
            spent=budget.funds.balance.spent,
            measure=budget.identity.measure,
        )
