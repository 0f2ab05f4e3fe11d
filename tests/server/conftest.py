"""
One server per test.
"""

from __future__ import annotations

import pytest

from tests.server.desk import opened


@pytest.fixture
async def desk(request):
    """
    A server; `@pytest.mark.parametrize("desk", [{…}], indirect=True)` gives it settings.
    """
    made = await opened(**getattr(request, "param", {}))
    yield made
    await made.http.aclose()
    await made.server.stop()
