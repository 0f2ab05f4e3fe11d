"""
Generates the table of codes, ``spec/codes.toml``, as Python and as a page of the reference.

Only renders: ``outputs()`` returns every generated file and its text, ``tools/generate.py`` writes them, and
``tests/meta`` compares them with what is in the tree. Wrong rows stop the generation with a sentence that names them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "spec" / "codes.toml"
MODULE = ROOT / "src" / "figuard" / "domain" / "codes.py"
PAGE = ROOT / "docs" / "reference" / "codes.md"

DENIAL_KEYS = {"retryable", "meaning", "remedy"}
ERROR_KEYS = {"status", *DENIAL_KEYS}
SENTENCE_LENGTH_MAX = 100
"""A sentence stays on one line of the module and is read in one glance."""
Rows = dict[str, dict[str, Any]]

HEAD = '''\
# Generated from spec/codes.toml by tools/generate_codes.py: change that file, then run `make generate`.
"""
Every denial and every error, with what each means and what to do about it.

A denial is an answer; the order of ``Denial`` is the precedence of the checks. An error is a request that changed
nothing, and its row says the HTTP status and whether repeating the same call can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

'''

ROW_CLASSES = '''
@dataclass(frozen=True, slots=True)
class DenialRow:
    """What a denial means and what to do now. ``retryable``: waiting alone can change the answer."""

    retryable: bool
    meaning: str
    remedy: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """An error's HTTP status, meaning and remedy. ``retryable``: the same call may be repeated as it is."""

    status: int
    retryable: bool
    meaning: str
    remedy: str

'''

PAGE_HEAD = """\
<!-- Generated from spec/codes.toml by tools/generate_codes.py: change that file, then run `make generate`. -->

# Codes

## Denials

A denial is an answer: HTTP 200 with `decision: DENIED`, `denialReason` set to one of these codes and one event in the
ledger. Several checks can fail at once; the first in this order is the answer. *Waiting helps* means that the same
request can be approved later without anyone changing it or the budget's rules: a window passes, a hold ends, a period
renews.

| # | code | what happened | what to do now | waiting helps |
|--:|---|---|---|---|
"""

PAGE_ERRORS = """
## Errors

An error is not an answer: the request was not decided and changed nothing, unless the row says otherwise. *Retry*
means that the clients repeat the call by themselves under the same idempotency key.

| code | status | what happened | what to do now | retry |
|---|--:|---|---|---|
"""

PAGE_LEGACY = """
## Names kept for compatibility

The reference system lists these among its denial codes. FiGuard never answers with them; code that compares against
them keeps working.

| name | instead |
|---|---|
"""


class TableError(ValueError):
    """A row of the table is incomplete or contradicts itself."""


def load() -> tuple[Rows, Rows, dict[str, str]]:
    """Return denials, errors and legacy names in the order of the file, or raise ``TableError``."""
    table = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    denials, errors, legacy = table["denial"], table["error"], table["legacy_denial"]
    for kind, rows, keys in (("denial", denials, DENIAL_KEYS), ("error", errors, ERROR_KEYS)):
        for name, row in rows.items():
            check_row(f"{kind}.{name}", row, keys)
    if clash := sorted(denials.keys() & (errors.keys() | legacy.keys())):
        raise TableError(f"a denial cannot also be an error or a legacy name: {', '.join(clash)}")
    return denials, errors, legacy


def check_row(name: str, row: dict[str, Any], keys: set[str]) -> None:
    """Raise ``TableError`` unless *row* has exactly *keys*, whole sentences and a status that fits."""
    if row.keys() != keys:
        raise TableError(f"{name} must have exactly {sorted(keys)}, has {sorted(row)}")
    for key in ("meaning", "remedy"):
        text = row[key]
        if not (text[:1].isupper() and text.endswith(".") and '"' not in text and "|" not in text):
            raise TableError(f"{name}.{key} must be a sentence without quotes or bars, is {text!r}")
        if len(text) > SENTENCE_LENGTH_MAX:
            raise TableError(f"{name}.{key} has {len(text)} characters, {SENTENCE_LENGTH_MAX} is the limit")
    if not isinstance(row["retryable"], bool) or not 400 <= row.get("status", 400) <= 599:
        raise TableError(f"{name} needs a boolean retryable and a status from 400 to 599")


def python_module(denials: Rows, errors: Rows, legacy: dict[str, str]) -> str:
    """Return the text of ``figuard.domain.codes``."""
    parts = [HEAD]
    parts += enum_class("Denial", "Why a spend was denied. Declaration order is precedence.", denials)
    parts += enum_class("ErrorCode", "Why a request was not carried out.", errors)
    parts.append(ROW_CLASSES)
    # One row takes three lines instead of six, so that the whole table can be read at a glance.
    parts.append("\n# fmt: off\nDENIALS: Mapping[Denial, DenialRow] = MappingProxyType({\n")
    for name, row in denials.items():
        parts.append(f"    Denial.{name}: DenialRow(retryable={row['retryable']},\n{sentences(row)}")
    parts.append("})\n\nERRORS: Mapping[ErrorCode, ErrorRow] = MappingProxyType({\n")
    for name, row in errors.items():
        head = f"    ErrorCode.{name}: ErrorRow({row['status']}, retryable={row['retryable']},\n"
        parts.append(head + sentences(row))
    parts.append("})\n\nLEGACY_DENIALS: Mapping[str, str] = MappingProxyType({\n")
    parts += [f'    "{name}": "{instead}",\n' for name, instead in legacy.items()]
    parts.append(
        '})\n"""Names of the reference system that are never answered with, and what is answered instead."""\n'
    )
    parts.append("# fmt: on\n")
    return "".join(parts)


def enum_class(name: str, doc: str, rows: Rows) -> list[str]:
    """Return the lines of one enum whose values are its names."""
    members = [f'    {code} = "{code}"\n' for code in rows]
    return [f'\nclass {name}(StrEnum):\n    """{doc}"""\n\n', *members, "\n"]


def sentences(row: dict[str, Any]) -> str:
    """Return the two lines that close a row."""
    return f'        meaning="{row["meaning"]}",\n        remedy="{row["remedy"]}"),\n'


def reference_page(denials: Rows, errors: Rows, legacy: dict[str, str]) -> str:
    """Return the text of the reference page."""
    lines = [PAGE_HEAD]
    for number, (name, row) in enumerate(denials.items(), start=1):
        lines.append(f"| {number} | {anchored(name)} | {row['meaning']} | {row['remedy']} | {yes(row)} |\n")
    lines.append(PAGE_ERRORS)
    for name, row in errors.items():
        cells = (anchored(name), str(row["status"]), row["meaning"], row["remedy"], yes(row))
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append(PAGE_LEGACY)
    lines += [f"| `{name}` | {instead} |\n" for name, instead in legacy.items()]
    return "".join(lines)


def anchored(name: str) -> str:
    """Return the code as a table cell that a link can point at."""
    return f'<a id="{name.lower()}"></a>`{name}`'


def yes(row: dict[str, Any]) -> str:
    """Return the cell of a row's ``retryable``."""
    return "yes" if row["retryable"] else "no"


def outputs() -> dict[Path, str]:
    """Return every file generated from the table, by path."""
    denials, errors, legacy = load()
    return {
        MODULE: python_module(denials, errors, legacy),
        PAGE: reference_page(denials, errors, legacy),
    }
