"""
How a command fails: a sentence, a status, and never a traceback.
"""

from __future__ import annotations

import sqlite3

import pytest
import typer
from typer.testing import CliRunner

from figuard.cli.failures import Commands
from figuard.client.exceptions import FiGuardConfigError, FiGuardConnectionError
from figuard.domain.codes import ErrorCode
from figuard.domain.refusal import Refusal
from figuard.ports import StoreUnavailable

DEFECT = (
    "this should not have happened (RuntimeError: oops). Set FIGUARD_TRACEBACK=1 to see where, and please report it."
)


def failing(error):
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @app.command()
    def fail():
        raise error

    @app.command()
    def other():
        """Typer needs a second command to make a group of them."""

    return CliRunner().invoke(app, ["fail"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FiGuardConfigError("a contradicts b; keep one of them"), "a contradicts b; keep one of them"),
        (FiGuardConnectionError("no answer after 3 attempts", 3), "no answer after 3 attempts"),
        (StoreUnavailable("the database is locked; try again"), "the database is locked; try again"),
        (PermissionError(13, "Permission denied", "books.db"), "books.db: Permission denied"),
        (OSError("disk on fire"), "disk on fire"),
        (sqlite3.DatabaseError("malformed"), "the database cannot be read: malformed. Run: figuard doctor"),
        (ValueError("total_limit is not a number: 'abc'"), "total_limit is not a number: 'abc'"),
        (RuntimeError("oops"), DEFECT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_a_sentence(error, said):
    ran = failing(error)

    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", f"figuard: {said}\n")


def test_a_refusal_has_its_code_and_its_remedy():
    ran = failing(Refusal(ErrorCode.NOT_FOUND, "there is no book 'x'"))

    assert ran.stderr.startswith("figuard: NOT_FOUND: there is no book 'x'. ")


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), 130), (typer.Exit(3), 3), (typer.BadParameter("wrong"), 2), (typer.Abort(), 1)],
    ids=lambda value: type(value).__name__,
)
def test_other_ends_have_their_own_status(error, status):
    assert failing(error).exit_code == status


def test_what_went_wrong_is_not_obeyed_by_the_terminal():
    assert "\x1b" not in failing(ValueError("no budget '\x1b[2J'")).stderr
