"""
The programs of the README do what they show.
"""

from __future__ import annotations

import pytest

from tests.integrations import readmes

pytest.importorskip("openai", reason="the programs are written for the newest release")


def test_the_readme_does_what_it_shows():
    assert readmes.check("openai") == 2
