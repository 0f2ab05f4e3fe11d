"""
The engine: gather what a batch of commands needs, decide them in order, append what happened, answer.

It knows no database and no colour: it says what to read and what to write, and a driver does that in one
transaction, blocking or awaited. It never decides a rule itself; ``domain`` does.
"""

from figuard.engine.engine import Engine

__all__ = ["Engine"]
