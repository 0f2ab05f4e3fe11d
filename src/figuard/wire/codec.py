"""
JSON in and out, with amounts as exact numbers.

Decoders and encoders are made once and shared; they hold no state between calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from threading import Lock
from types import MappingProxyType
from typing import Any, cast

import msgspec

from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.wire import limits
from figuard.wire.requests import RequestBody

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_FAULTLESS: Mapping[str, str] = MappingProxyType({})
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# msgspec publishes what it knows of a struct before it knows all of it: a second thread that makes a decoder of the
# same struct meanwhile gets one with holes, and the process crashes. So they are made one by one.
_MAKING = Lock()

encode = _ENCODER.encode
"""Write any request or response struct as JSON bytes; a ``Decimal`` becomes a number with its very digits."""


@cache
def decoder(form: object) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a request or response type, always the same one."""
    with _MAKING:
        return msgspec.json.Decoder(cast("type[Any]", form))


def decode(form: object, raw: bytes) -> Any:  # noqa: ANN401 - the type is the form
    """Return what an answer says, as the type of its operation. Raises ``msgspec.MsgspecError``."""
    return decoder(form).decode(raw)


def decode_request(form: object, raw: bytes) -> tuple[Any, Mapping[str, str]]:
    """
    Return a request body as its struct, and every member whose type was wrong (which is then left out of it).

    An empty body is an empty object. Raises ``Refusal``: ``PAYLOAD_TOO_LARGE``, or ``MALFORMED_JSON`` for bytes that
    are not JSON or not the kind of JSON that the operation takes.
    """
    if len(raw) > limits.BODY_BYTES_MAX:
        raise Refusal(
            ErrorCode.PAYLOAD_TOO_LARGE, f"the body has {len(raw):,} bytes, {limits.BODY_BYTES_MAX:,} are accepted"
        )
    try:
        return decoder(form).decode(raw or b"{}"), _FAULTLESS
    except msgspec.ValidationError:
        return _salvaged(form, raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def _salvaged(form: object, raw: bytes) -> tuple[Any, Mapping[str, str]]:
    """Take what can be taken, so that one answer lists every fault; only bodies with a fault come here."""
    struct, takes_list = _struct_of(form)
    start = raw.lstrip(b" \t\r\n")[:1]
    if start == b"[" and takes_list:
        raw = b'{"%s":%s}' % (struct.__struct_encode_fields__[0].encode(), raw)
    elif start != b"{":
        raise Refusal(
            ErrorCode.MALFORMED_JSON, f"the body must be a JSON object, got {raw[:40].decode(errors='replace')}"
        )
    # Each member again from the bytes it was written in, so that numbers keep their digits.
    try:
        members = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None
    faults: dict[str, str] = {}
    taken: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        if field.encode_name not in members:
            continue
        try:
            taken[field.name] = decoder(field.type).decode(members[field.encode_name])
        except msgspec.ValidationError as error:
            name, text = _fault(field.encode_name, str(error))
            faults[name] = text
    return struct(**taken), faults


def _struct_of(form: object) -> tuple[type[RequestBody], bool]:
    """Return the struct of a request type, and whether a bare list does as well."""
    forms = cast("tuple[Any, ...]", getattr(form, "__args__", (form,)))
    struct = next(one for one in forms if isinstance(one, type) and issubclass(one, RequestBody))
    return struct, len(forms) > 1


_WORDS = (
    ("Invalid decimal string", "is not a number"),
    ("Integer value out of range", "is too large"),
    ("Number out of range", "is too large"),
    ("Expected ", "must be "),
    ("decimal | int", "a number"),
    ("int | decimal", "a number"),
    (" str", " text"),
    (" int", " a whole number"),
    (" bool", " true or false"),
    (" float", " a fraction"),
    (" array", " a list"),
    (" object", " an object"),
)


def _fault(name: str, said: str) -> tuple[str, str]:
    """Return the wire path and the text of what msgspec says: ``Expected `str`, got `int` - at `$.category```."""
    text, _, path = said.partition(" - at `$")
    text = text.replace("`", "").replace(" | null", "")
    for theirs, ours in _WORDS:
        text = text.replace(theirs, ours)
    return name + path.rstrip("`"), text


def _malformed(error: Exception) -> Refusal:
    said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Refusal(ErrorCode.MALFORMED_JSON, f"the body is not JSON in UTF-8: {said}")
