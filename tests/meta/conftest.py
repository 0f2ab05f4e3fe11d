"""
The trees of all files, once for all questions about them.
"""

from __future__ import annotations

import gc

import pytest

from tests.meta.tree import nodes, python_files


@pytest.fixture(scope="session", autouse=True)
def trees():
    """
    Parse everything and keep the garbage collector off it: it would walk some million nodes again and again, in every
    test that follows.
    """
    gc.disable()
    for path in python_files():
        nodes(path)
    gc.freeze()
    gc.enable()
