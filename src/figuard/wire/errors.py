"""
The one shape of an error, and the one place where it is written.
"""

from __future__ import annotations

from figuard.domain.refusal import Refusal
from figuard.wire.responses import ErrorResponse


def error_response(refusal: Refusal) -> tuple[int, ErrorResponse]:
    """Return the HTTP status and the body of a refusal."""
    row = refusal.row
    code = refusal.code.value
    return row.status, ErrorResponse(
        error=code,
        message=refusal.message,
        code=code,
        retryable=row.retryable,
        remedy=row.remedy,
        field_errors=refusal.fields,
        retry_after_seconds=refusal.retry_after_seconds,
        details=refusal.extra or None,
    )
