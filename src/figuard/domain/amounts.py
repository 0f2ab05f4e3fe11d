"""
Exact amounts: an ``int`` of quanta of 10^-8, whatever the unit (dollars, tokens, GPU hours).

A binary float never takes part in arithmetic. It is accepted at the edge, by its shortest text form, once.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation

QUANTA_PER_UNIT = 10**8
FRACTION_DIGITS_MAX = 8
AMOUNT_MAX = 90_000_000_000 * QUANTA_PER_UNIT
"""The largest amount anyone may name, in quanta. It and every sum of two such fit a signed 64-bit column."""
BALANCE_MAX = 2**63 - 1
"""The largest balance a store can hold, in quanta (a signed 64-bit column)."""

# The caller may have lowered the precision of the thread's decimal context; ours must not depend on it. It never
# rounds: 1.000…01 with more digits than the precision must be refused, not taken for 1.
_EXACT = Context(prec=60, traps=[Inexact])
_CENT_QUANTA = QUANTA_PER_UNIT // 100

AmountLike = int | str | Decimal | float


class AmountError(ValueError):
    """The value is not an amount: not a number, not finite, negative, too fine or too large."""


def quanta(value: object, name: str = "amount") -> int:
    """
    Return *value* as a whole number of quanta (10^-8 units).

    Accepts ``int``, ``str``, ``Decimal`` and ``float`` (a float by its shortest text form, so ``0.1`` is one tenth).
    Raises ``AmountError`` naming *name* for anything else, for NaN and infinity, for a negative value, for more than
    8 fraction digits and for more than 90,000,000,000.
    """
    scaled = signed_quanta(value, name)
    if scaled < 0:
        msg = f"{name} must not be negative, got {value!r}"
        raise AmountError(msg)
    return scaled


def signed_quanta(value: object, name: str = "amount") -> int:
    """Like ``quanta``, for the few amounts in which a sign has a meaning. Raises ``AmountError``."""
    if type(value) is int:
        scaled = value * QUANTA_PER_UNIT
    else:
        number = _decimal(value, name)
        try:
            scaled = int(_EXACT.to_integral_exact(_EXACT.scaleb(number, FRACTION_DIGITS_MAX)))
        except Inexact:
            msg = f"{name} has more than {FRACTION_DIGITS_MAX} fraction digits: {value!r}"
            raise AmountError(msg) from None
    if not -AMOUNT_MAX <= scaled <= AMOUNT_MAX:
        # Python refuses to print an int of more than 4,300 digits.
        shown = repr(value) if abs(scaled) < AMOUNT_MAX**2 else "a number of very many digits"
        msg = f"{name} is larger than {AMOUNT_MAX // QUANTA_PER_UNIT:,}: {shown}"
        raise AmountError(msg)
    return scaled


def _decimal(value: object, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal, float)):
        msg = f"{name} must be an int, str, Decimal or float, got {type(value).__name__}"
        raise AmountError(msg)
    try:
        number = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    except InvalidOperation:
        msg = f"{name} is not a number: {value!r}"
        raise AmountError(msg) from None
    if not number.is_finite():
        msg = f"{name} must be finite, got {value!r}"
        raise AmountError(msg)
    # Checked on the exponent first: 1e400 would be a number of 409 digits before its size could be compared.
    if number and not -60 < number.adjusted() < 12:  # noqa: PLR2004 - far outside both limits that the caller reports
        size = "large" if number.adjusted() > 0 else "fine"
        msg = f"{name} is too {size}: {value!r}"
        raise AmountError(msg)
    return number


def decimal_of(amount: int) -> Decimal:
    """Return *amount* quanta as an exact ``Decimal`` with at least two fraction digits (``270.00``)."""
    cents, rest = divmod(amount, _CENT_QUANTA)
    if not rest:
        return _EXACT.scaleb(Decimal(cents), -2)
    number, digits = amount, FRACTION_DIGITS_MAX
    while not number % 10:
        number //= 10
        digits -= 1
    return _EXACT.scaleb(Decimal(number), -digits)


def text(amount: int, unit: str | None = None) -> str:
    """Return *amount* quanta as plain text for a message: ``233.00 USD``; never in exponent form."""
    number = format(decimal_of(amount), "f")
    return f"{number} {unit}" if unit else number
