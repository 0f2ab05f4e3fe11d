"""
The examination of a server's settings: every unsafe one by name, with what it risks and what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from figuard.cli.doctor import Check, State
from figuard.cli.server import settings_of
from figuard.ports import StoreUnavailable

ROLE_REMEDY = "Run figuard migrate --role ROLE as the owner, and let the server come in by that role"


def server_examined(database: str | None) -> Iterator[Check]:
    """Yield a check for each unsafe setting, or one that says there is none. Raises ``SettingsError``."""
    from figuard.server.safety import risks_of, role_risks

    settings = settings_of(database=database)
    yield Check("database", State.WELL, settings.where)
    found = [Check(risk.variable, State.WARNING, risk.says, risk.remedy) for risk in risks_of(settings)]
    try:
        roles = asyncio.run(role_risks(settings))
    except StoreUnavailable as error:
        found.append(Check("role", State.BAD, str(error)))
    else:
        found += [Check("role", State.WARNING, says, ROLE_REMEDY) for says in roles]
    yield from found
    if not found:
        yield Check("settings", State.WELL, "no setting is unsafe")
