"""
Runs the programs of an integration's README and compares what they print with what is shown below them.
"""

from __future__ import annotations

import contextlib
import io

from tests.docs.pages import blocks, matches, output_of
from tests.meta.tree import PACKAGE


def check(integration: str) -> int:
    """Assert that every program of a README prints what the README shows, and return how many there are."""
    page = PACKAGE / "integrations" / integration / "README.md"
    found = blocks(page)
    module: dict[str, object] = {"__name__": "readme"}
    programs = [index for index, block in enumerate(found) if block.language == "python"]
    for index in programs:
        said = io.StringIO()
        code = compile("\n" * (found[index].line - 1) + found[index].text, str(page), "exec")
        with contextlib.redirect_stdout(said):
            exec(code, module)
        shown = output_of(found, index)
        told = said.getvalue()
        assert matches(shown.text if shown else "", told), f"{found[index].where} prints:\n{told}"
    return len(programs)
