"""
Failures: what happened, to which thing, and what to do now. On standard error, and never a traceback.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import Any

import msgspec
import typer
from typer.core import TyperGroup

from figuard.cli.console import clean
from figuard.client.exceptions import FiGuardApiError, FiGuardConnectionError, FiGuardError

TRACE_VARIABLE = "FIGUARD_TRACEBACK"
"""Set to 1 to see where in the code a failure arose."""
JSON_FLAG = "figuard.json"
"""Where a command's context keeps whether its output is for a program."""
BROKEN_PIPE_STATUS = 141
"""As a shell reports a process that was ended by SIGPIPE."""
INTERRUPTED_STATUS = 130
# Typer carries click inside or beside itself, depending on its version; its wrong calls are of this class either way.
_WRONG_CALL = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


class NotFound(LookupError):
    """What was named does not exist, or not clearly; the message says what to do."""


class Commands(TyperGroup):
    """The group of all commands: where their failures end."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as click has it
        """Run a command; a failure becomes a sentence and a status."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                # Here, where a reader that has gone away is expected, and not when Python ends.
                sys.stdout.flush()
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            # The reader (``head``, say) has seen enough. Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE_STATUS) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED_STATUS) from None
        except Exception as error:
            if isinstance(error, _WRONG_CALL) or os.environ.get(TRACE_VARIABLE) == "1":
                raise
            _tell(error, as_json=bool(ctx.meta.get(JSON_FLAG)))
            raise typer.Exit(1) from None


def _tell(error: Exception, *, as_json: bool) -> None:
    code, message = _code(error), _message(error)
    if as_json:
        sys.stderr.write(msgspec.json.encode({"error": {"code": code, "message": message}}).decode() + "\n")
        return
    # Not through rich: a message may hold square brackets, and must be searchable as one line.
    sys.stderr.write(f"figuard: {clean(message)}\n")


def _code(error: Exception) -> str | None:
    from figuard.domain.refusal import Refusal

    if isinstance(error, Refusal):
        return error.code.value
    return getattr(error, "code", None) if isinstance(error, FiGuardError) else None


def _message(error: Exception) -> str:
    # Loaded when something has gone wrong: a command line that only helps should start at once.
    from figuard.domain.refusal import Refusal
    from figuard.ports import StoreUnavailable

    match error:
        case FiGuardApiError() | FiGuardConnectionError():
            return error.message
        case FiGuardError() | Refusal() | StoreUnavailable() | ImportError() | ValueError():
            return str(error)
        case LookupError() if isinstance(error, NotFound):
            return str(error)
        case OSError():
            what = error.strerror or str(error)
            return f"{error.filename}: {what}" if error.filename else what
        case sqlite3.Error():
            return f"the database cannot be read: {error}. Run: figuard doctor"
        case _:
            where = f"Set {TRACE_VARIABLE}=1 to see where, and please report it."
            return f"this should not have happened ({type(error).__name__}: {error}). {where}"
