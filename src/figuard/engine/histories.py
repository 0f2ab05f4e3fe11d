"""
Histories: the questions that are answered from the entries of a book.
"""

from __future__ import annotations

from collections.abc import Callable

from figuard.domain import questions as q
from figuard.domain import views as v
from figuard.domain.books import Entry
from figuard.domain.codes import ErrorCode
from figuard.domain.counterfactual import Experiment
from figuard.domain.events import Event
from figuard.domain.instants import Instant
from figuard.domain.refusal import Refusal
from figuard.domain.replay import Account, Recorder
from figuard.engine.inspection import ENTRIES_PER_READ, owner_of, verified
from figuard.engine.owned import Asker, Steps, owned_budget
from figuard.engine.seal import line_of, unseal
from figuard.ports import ReadEntries, StoredEntry, TreeEvents

COUNTERFACTUAL_DAYS = 30
"""How far back a counterfactual looks unless told."""


def _walk(book_id: str, until: Instant | None, visit: Callable[[StoredEntry], object]) -> Steps:
    """Visit every entry of a book up to *until*, in order."""
    seq = 0
    while True:
        found: tuple[StoredEntry, ...] = yield ReadEntries(book_id, seq, until, ENTRIES_PER_READ)
        for stored in found:
            visit(stored)
        if len(found) < ENTRIES_PER_READ:
            return
        seq = found[-1].seq


def _read(book_id: str, until: Instant | None, visit: Callable[[Entry], None]) -> Steps:
    """Visit every entry as it says. Raises ``Refusal`` (``LEDGER_BROKEN``) at one that says nothing."""
    return _walk(book_id, until, lambda stored: _visit(book_id, stored, visit))


def _visit(book_id: str, stored: StoredEntry, visit: Callable[[Entry], None]) -> None:
    try:
        visit(unseal(stored.body))
    except ValueError as error:
        raise Refusal(
            ErrorCode.LEDGER_BROKEN, f"entry {stored.seq} of book {book_id} cannot be followed ({error})"
        ) from error


def _read_account(book_id: str, until: Instant, account: Account, visit: Callable[[Entry], None]) -> Steps:
    """
    Visit every entry up to *until*, each of which is to be applied to *account*.

    A time before all of them is no error: the clock of who asks may be behind ours, and many cut times to whole
    milliseconds. The budget stands then as it was opened. Raises ``Refusal`` (``LEDGER_BROKEN``).
    """
    yield from _read(book_id, until, visit)
    if account.budget is None:
        first: tuple[StoredEntry, ...] = yield ReadEntries(book_id, 0, None, 1)
        if not first:
            raise Refusal(ErrorCode.LEDGER_BROKEN, f"book {book_id} has no entries")
        _visit(book_id, first[0], account.apply)


def entries(question: q.GetEntries, asker: Asker) -> Steps:
    """Return a page of a book's entries as export lines."""
    yield from _owned_book(question.book_id, asker)
    found: tuple[StoredEntry, ...] = yield ReadEntries(question.book_id, question.after_seq, None, question.size)
    full = len(found) == question.size
    return v.EntriesView(question.book_id, tuple(map(line_of, found)), found[-1].seq if full else None)


def _owned_book(book_id: str, asker: Asker) -> Steps:
    """Look whether this book is one that the asker may see. Raises ``Refusal`` (``NOT_FOUND``)."""
    owner = yield from owner_of(book_id)
    hidden = asker.only_budget_id not in {None, book_id}
    if owner is None or owner.tenant_id != asker.tenant_id or hidden:
        raise Refusal(ErrorCode.NOT_FOUND, f"there is no book {book_id!r}")


def verify(question: q.VerifyBook, asker: Asker) -> Steps:
    """Return what verification of one book finds."""
    yield from _owned_book(question.book_id, asker)
    verifier = yield from verified(question.book_id)
    return verifier.view()


def replay(question: q.Replay, asker: Asker) -> Steps:
    """Return what happened to a budget in a window, with the states around it."""
    budget = yield from owned_budget(question.budget_id, asker)
    since = question.since if question.since is not None else budget.identity.created_at
    until = question.until if question.until is not None else asker.now
    account = Account()
    recorder = Recorder.of(since, until, include_denied=question.include_denied, include_states=question.include_states)

    def visit(entry: Entry) -> None:
        recorder.before(account, entry)
        account.apply(entry)
        recorder.after(account, entry)

    yield from _read_account(budget.id, until, account, visit)
    final = account.state(until)
    end = question.offset + question.size
    return v.ReplayView(
        budget=budget,
        since=since,
        until=until,
        summary=recorder.summary(),
        initial=recorder.initial or final,
        steps=tuple(recorder.steps[question.offset : end]),
        final=final,
        next_offset=end if end < len(recorder.steps) else None,
    )


def state_at(question: q.StateAt, asker: Asker) -> Steps:
    """Return how a budget stood at a moment; before there was one, how it was opened."""
    budget = yield from owned_budget(question.budget_id, asker)
    account = Account()
    applied = 0

    def visit(entry: Entry) -> None:
        nonlocal applied
        account.apply(entry)
        applied += account.last is not None

    yield from _read_account(budget.id, question.at, account, visit)
    return v.StateAtView(budget.id, question.at, applied, account.state(question.at))


def timeline(question: q.Timeline, asker: Asker) -> Steps:
    """Return a budget's events in order of creation, as they stand now."""
    budget = yield from owned_budget(question.budget_id, asker)
    events: tuple[Event, ...] = yield TreeEvents(budget.id)
    since = question.since if question.since is not None else budget.identity.created_at
    until = question.until if question.until is not None else asker.now
    return v.TimelineView(budget.id, tuple(e for e in events if since <= e.created_at <= until))


def counterfactual(question: q.Counterfactual, asker: Asker) -> Steps:
    """Return what another policy would have answered."""
    budget = yield from owned_budget(question.budget_id, asker)
    day = 86_400_000_000
    since = question.since if question.since is not None else asker.now - COUNTERFACTUAL_DAYS * day
    until = question.until if question.until is not None else asker.now
    experiment = Experiment(question.hypothesis, since, until)

    def visit(entry: Entry) -> None:
        experiment.feed(entry)

    yield from _read(budget.id, until, visit)
    actual, hypothetical = experiment.summaries()
    return v.CounterfactualView(
        budget_id=budget.id,
        manifest_version=question.manifest_version,
        actual=actual,
        hypothetical=hypothetical,
        additional_denials=max(0, hypothetical.denied - actual.denied),
        differences=tuple(experiment.differences),
    )
