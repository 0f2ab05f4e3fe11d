"""
What the client raises: one tree under ``FiGuardError``, so that one ``except`` is enough.

A denied spend is not an error. It is an answer (``AuthorizationResult.is_authorized`` is False) and becomes an
exception only where it is asked to: ``raise_if_denied()`` and ``with client.spend(...)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from figuard.domain.codes import DENIALS, ERRORS, DenialRow, ErrorRow

if TYPE_CHECKING:
    from figuard.client.models import AuthorizationResult


class FiGuardError(Exception):
    """Anything that FiGuard raises on purpose."""


class FiGuardConfigError(FiGuardError, ValueError):
    """The settings of a client contradict each other, are incomplete or make no sense. Nothing was contacted."""


class FiGuardApiError(FiGuardError):
    """
    A request was refused; unless the code's row says otherwise, nothing was changed.

    ``status_code`` is the HTTP status (embedded mode uses the same ones). ``message`` says what happened and what to
    do now. ``raw`` is the JSON body, or None. ``code`` is the row of the table of codes, None when the answer names
    none. ``retryable`` says whether the same call may simply be repeated, ``remedy`` what to do otherwise, and
    ``retry_after_seconds`` how long to wait where that is known. ``field_errors`` names the fields at fault.
    """

    def __init__(
        self,
        status_code: int,
        message: str,
        raw: object = None,
        *,
        code: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(status_code, message, raw)
        self.status_code = status_code
        self.message = message
        self.raw = raw
        self.code = code or code_in(message, raw)
        self.retry_after_seconds = retry_after_seconds

    @property
    def retryable(self) -> bool:
        """Whether repeating the very same call can help."""
        row = error_row(self.code)
        return row.retryable if row else self.status_code >= 500 or self.status_code == 429  # noqa: PLR2004 - HTTP

    @property
    def remedy(self) -> str | None:
        """What to do about it, or None for a code this version does not know."""
        row = error_row(self.code)
        return row.remedy if row else None

    @property
    def field_errors(self) -> Mapping[str, str]:
        """Which fields of the request are at fault, and why; empty when the request as a whole is."""
        fields: object = self.raw.get("fieldErrors") if isinstance(self.raw, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] - decoded JSON
        return fields if isinstance(fields, dict) else {}  # pyright: ignore[reportUnknownVariableType] - decoded JSON

    def __str__(self) -> str:
        return f"[{self.status_code}] {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"code": self.code, "retry_after_seconds": self.retry_after_seconds}
        return (type(self), (self.status_code, self.message, self.raw), state)


class FiGuardConnectionError(FiGuardError):
    """
    No answer came: the service could not be reached, or did not answer in time.

    The request may or may not have been carried out; repeat it with the same idempotency key. ``attempts`` is how
    often it was tried; ``__cause__`` is the last failure.
    """

    def __init__(self, message: str, attempts: int = 1) -> None:
        super().__init__(message, attempts)
        self.message = message
        self.attempts = attempts

    def __str__(self) -> str:
        return self.message


class FiGuardDeniedException(FiGuardError):
    """
    A spend was denied, and the caller asked for an exception.

    ``denial_reason`` is the code (compare with ``DenialReason``), ``denial_message`` says which level refused and
    what would fit, ``original_event_id`` names the event that already pays for the same thing. ``result`` is the
    whole answer, None when the exception was made without one.
    """

    def __init__(
        self,
        denial_reason: str,
        denial_message: str | None = None,
        original_event_id: str | None = None,
        *,
        result: AuthorizationResult | None = None,
    ) -> None:
        super().__init__(denial_reason, denial_message, original_event_id)
        self.denial_reason = denial_reason
        self.denial_message = denial_message
        self.original_event_id = original_event_id
        self.result = result

    @property
    def retryable(self) -> bool:
        """Whether waiting alone can change the answer."""
        row = denial_row(self.denial_reason)
        return row is not None and row.retryable

    @property
    def remedy(self) -> str | None:
        """What to do about it, or None for a code this version does not know."""
        row = denial_row(self.denial_reason)
        return row.remedy if row else None

    def __str__(self) -> str:
        detail = f" — {self.denial_message}" if self.denial_message else ""
        return f"Spend denied: {self.denial_reason}{detail}"

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.denial_reason, self.denial_message, self.original_event_id)
        return (type(self), arguments, {"result": self.result})


class FiGuardWebhookVerificationError(FiGuardError):
    """A webhook is not what it claims to be: unsigned, signed with another secret, changed, or too old."""


class FiGuardCapabilityError(FiGuardError):
    """The backend of this client cannot do ``feature`` at all."""

    def __init__(self, feature: str) -> None:
        super().__init__(feature)
        self.feature = feature

    def __str__(self) -> str:
        return f"{self.feature} is not available on this backend"


class FiGuardCompositeError(FiGuardError):
    """
    Some resources of a composite guard could not be settled; the others were.

    ``failures`` maps each resource to what went wrong; ``settled`` maps the others to their settled events.
    """

    def __init__(self, what: str, failures: Mapping[str, Exception], settled: Mapping[str, Any]) -> None:
        super().__init__(what, dict(failures), dict(settled))
        self.what = what
        self.failures = dict(failures)
        self.settled = dict(settled)

    def __str__(self) -> str:
        told = "; ".join(f"{resource}: {error}" for resource, error in self.failures.items())
        return f"{self.what} failed for {len(self.failures)} of {len(self.failures) + len(self.settled)}: {told}"


def denial_row(code: str | None) -> DenialRow | None:
    """Return the table's row of a denial code, or None when the table has no such row."""
    return _DENIALS.get(code or "")


def error_row(code: str | None) -> ErrorRow | None:
    """Return the table's row of an error code, or None when the table has no such row."""
    return _ERRORS.get(code or "")


def code_in(message: str, raw: object) -> str | None:
    """Return the error code that an answer names, in its body or at the start of its message, or None."""
    said = [raw.get("code"), raw.get("error")] if isinstance(raw, dict) else []  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] - decoded JSON
    for text in (*said, message):  # pyright: ignore[reportUnknownVariableType] - decoded JSON
        word = text.partition(":")[0].strip() if isinstance(text, str) else ""
        if word in _ERRORS:
            return word
    return None


_DENIALS = {str(code): row for code, row in DENIALS.items()}
_ERRORS = {str(code): row for code, row in ERRORS.items()}
