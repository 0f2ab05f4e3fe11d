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
_QUANTA_BY_DIGITS = tuple(10 ** (FRACTION_DIGITS_MAX - digits) for digits in range(FRACTION_DIGITS_MAX + 1))
_CENT = Decimal("0.01")
_WHOLE_DIGITS_MAX = 12
"""More digits before the point than the largest amount has; a number with even more is not looked at closely."""

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
    scaled = value * QUANTA_PER_UNIT if type(value) is int else _scaled(value, name)
    if not 0 <= scaled <= AMOUNT_MAX:
        raise _beyond(scaled, value, name)
    return scaled


def signed_quanta(value: object, name: str = "amount") -> int:
    """Like ``quanta``, for the few amounts in which a sign has a meaning. Raises ``AmountError``."""
    scaled = value * QUANTA_PER_UNIT if type(value) is int else _scaled(value, name)
    if not -AMOUNT_MAX <= scaled <= AMOUNT_MAX:
        raise _beyond(scaled, value, name)
    return scaled


def _beyond(scaled: int, value: object, name: str) -> AmountError:
    """Return what is wrong with a number that is too large, or else negative."""
    if -AMOUNT_MAX <= scaled < 0:
        return AmountError(f"{name} must not be negative, got {value!r}")
    # Python refuses to print an int of more than 4,300 digits.
    shown = repr(value) if abs(scaled) < AMOUNT_MAX**2 else "a number of very many digits"
    return AmountError(f"{name} is larger than {AMOUNT_MAX // QUANTA_PER_UNIT:,}: {shown}")


def _scaled(value: object, name: str) -> int:
    """Return any number but an ``int`` in quanta. Raises ``AmountError``."""
    if type(value) is Decimal:
        # By its digits, at half the price of decimal arithmetic, if there is nothing else: an exponent is no digit, nor
        # is a word such as NaN, and a sign stands before all of them.
        whole, _, fraction = str(value).partition(".")
        if len(whole) <= _WHOLE_DIGITS_MAX and len(fraction) <= FRACTION_DIGITS_MAX:
            try:
                return int(whole + fraction) * _QUANTA_BY_DIGITS[len(fraction)]
            except ValueError:
                pass
    try:
        return int(_EXACT.to_integral_exact(_EXACT.scaleb(_decimal(value, name), FRACTION_DIGITS_MAX)))
    except Inexact:
        msg = f"{name} has more than {FRACTION_DIGITS_MAX} fraction digits: {value!r}"
        raise AmountError(msg) from None


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
    if number and not -60 < number.adjusted() < _WHOLE_DIGITS_MAX:  # noqa: PLR2004 - the caller reports 8 digits
        size = "large" if number.adjusted() > 0 else "fine"
        msg = f"{name} is too {size}: {value!r}"
        raise AmountError(msg)
    return number


def decimal_of(amount: int) -> Decimal:
    """Return *amount* quanta as an exact ``Decimal`` with at least two fraction digits (``270.00``)."""
    if not amount % _CENT_QUANTA:
        return _EXACT.multiply(amount // _CENT_QUANTA, _CENT)
    number, digits = amount, FRACTION_DIGITS_MAX
    while not number % 10:
        number //= 10
        digits -= 1
    return _EXACT.scaleb(Decimal(number), -digits)


def text(amount: int, unit: str | None = None) -> str:
    """Return *amount* quanta as plain text for a message: ``233.00 USD``; never in exponent form."""
    number = format(decimal_of(amount), "f")
    return f"{number} {unit}" if unit else number
