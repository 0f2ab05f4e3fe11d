"""
The programs of the README do what they show.
"""

from __future__ import annotations

import pytest

pytest.importorskip("langchain.agents.middleware")

from tests.integrations import readmes


def test_the_readme_does_what_it_shows():
    assert readmes.check("langchain") == 3
