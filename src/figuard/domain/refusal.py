"""
The one exception of the core: a request that cannot be carried out, as a row of ``spec/codes.toml``.

A denial is not a refusal. A denial is an answer, recorded in the ledger; a refusal changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from figuard.domain.codes import ERRORS, ErrorCode, ErrorRow

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(Exception):
    """
    A request was refused and nothing was changed.

    ``code`` is the row of the table; ``detail`` says what happened to which thing; ``fields`` names the request
    fields at fault (validation); ``retry_after_seconds`` is set where the caller should wait.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        fields: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse with a code and a sentence; the code's remedy is added to the message."""
        self.code = code
        self.detail = detail
        self.fields = dict(fields) if fields else None
        self.retry_after_seconds = retry_after_seconds
        self.extra = dict(extra) if extra else {}
        super().__init__(self.message)

    @property
    def row(self) -> ErrorRow:
        """The code's row: status, whether a retry can help, meaning and remedy."""
        return ERRORS[self.code]

    @property
    def message(self) -> str:
        """What happened, to which thing, and what to do now."""
        return f"{self.code}: {self.detail.rstrip('.')}. {self.row.remedy}"
