"""
Errors on the wire: the one shape of ``figuard.wire.errors``, with the 401 bodies exactly as the contract has them.
"""

from __future__ import annotations

import msgspec

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.wire.codec import encode
from figuard.wire.errors import error_response
from figuard.wire.parse.fields import is_uuid

_KEY_CODES = frozenset({ErrorCode.MISSING_API_KEY, ErrorCode.INVALID_API_KEY})


def error_body(refusal: Refusal, session_token: str | None = None) -> tuple[int, bytes]:
    """
    Return the status and the JSON of a refusal.

    Where the API key is at fault, the sentence stands in ``error`` and there is no ``message``; where the session
    token is, both say the same. *session_token* tells a budget's id that was sent in place of its token.
    """
    status, struct = error_response(refusal)
    code = refusal.code
    if code in _KEY_CODES:
        members = msgspec.to_builtins(struct)
        del members["message"]
        return status, encode(members | {"error": refusal.message})
    if code is ErrorCode.MISSING_SESSION_TOKEN:
        struct.error = struct.message
    elif code is ErrorCode.INVALID_SESSION_TOKEN:
        if session_token is not None and is_uuid(session_token):
            struct.message = (
                f"{code}: {session_token} looks like a budget id; send the budget's session token (st_…), which was "
                "shown when the budget was created, or rotate it to get a new one."
            )
            struct.error = struct.message
        else:
            struct.message = struct.error
    return status, encode(struct)
