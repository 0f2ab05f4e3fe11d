"""
The verdict of a verification, in words and as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import msgspec
from rich.text import Text

from figuard.cli.console import Output, table

if TYPE_CHECKING:
    from figuard.domain.views import Finding, FindingsView

FINDINGS_SHOWN_MAX = 50
"""How many findings people are shown; ``--json`` has all of them."""
BOOKS_SHOWN_MAX = 20


class _Line(msgspec.Struct):
    book_id: str
    hash: str


class Heads:
    """
    The last hash of each book in an export.

    A chain cannot show that its last links are missing. Whoever noted the last hash when the export was made can.
    """

    def __init__(self) -> None:
        """Start without any."""
        self.last: dict[str, str] = {}
        self._decoder = msgspec.json.Decoder(_Line)

    def watch(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Pass lines on, remembering each book's last hash; what cannot be read is the verifier's to report."""
        for line in lines:
            try:
                seen = self._decoder.decode(line)
            except msgspec.MsgspecError:
                yield line
                continue
            self.last[seen.book_id] = seen.hash
            yield line


@dataclass(frozen=True, slots=True)
class Book:
    """One book's verdict."""

    book_id: str
    entries: int
    is_sound: bool
    findings: Sequence[Finding]
    last_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well, and every book's own verdict. ``projections``: the stored budgets were compared too."""

    is_sound: bool
    entries: int
    projections: bool
    books: list[Book] = field(default_factory=list[Book])

    @classmethod
    def of(cls, views: Iterable[FindingsView], *, projections: bool, heads: Heads | None = None) -> Self:
        """Return the verdict on what verification found. A book of which several views tell is one book."""
        merged: dict[str, list[FindingsView]] = {}
        for view in views:
            merged.setdefault(view.book_id, []).append(view)
        last = heads.last if heads else {}
        books = [
            Book(
                book_id,
                sum(view.entries for view in told),
                not any(view.findings for view in told),
                [finding for view in told for finding in view.findings],
                last.get(book_id),
            )
            for book_id, told in merged.items()
        ]
        return cls(all(book.is_sound for book in books), sum(book.entries for book in books), projections, books)


def show_verdict(out: Output, verdict: Verdict) -> None:
    """Show the findings, or the books of a file with their last hashes, and one sentence."""
    findings = [finding for book in verdict.books for finding in book.findings]
    heads = [book for book in verdict.books if book.last_hash is not None]
    if findings:
        shown = table("book", "#", "what", "detail", right=("#",), loose=("detail",))
        for finding in findings[:FINDINGS_SHOWN_MAX]:
            shown.add_row(finding.book_id, str(finding.seq or ""), Text(finding.what, "red"), finding.detail)
        out.say(out.listing(shown, ""))
        if len(findings) > FINDINGS_SHOWN_MAX:
            out.say(f"… and {len(findings) - FINDINGS_SHOWN_MAX:,} more; --json has all of them")
    elif heads:
        shown = table("book", "entries", "last hash", right=("entries",), loose=("last hash",))
        for book in heads[:BOOKS_SHOWN_MAX]:
            shown.add_row(book.book_id, f"{book.entries:,}", book.last_hash)
        out.say(shown)
    out.show(verdict, lambda: sentence(verdict))


def sentence(verdict: Verdict) -> Text:
    """Return the verdict in one line."""
    size = f"{_many(len(verdict.books), 'book')}, {_many(verdict.entries, 'entry')}"
    if verdict.is_sound:
        checked = "chain, balances and projections agree" if verdict.projections else "chain and balances agree"
        return Text.assemble(("✓ ", "green"), f"{size}: {checked}")
    wrong = sum(not book.is_sound for book in verdict.books)
    return Text.assemble(("✗ ", "red"), f"{size}: {_many(wrong, 'book')} with faults. Keep the file, and find out who")


def _many(count: int, word: str) -> str:
    if count == 1:
        return f"1 {word}"
    return f"{count:,} {word.removesuffix('y')}ies" if word.endswith("y") else f"{count:,} {word}s"
