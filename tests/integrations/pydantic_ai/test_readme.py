"""
The programs of the README do what they show.
"""

from __future__ import annotations

import pytest

pytest.importorskip("pydantic_ai")

from tests.integrations import readmes


def test_the_readme_does_what_it_shows():
    assert readmes.check("pydantic_ai") == 2
