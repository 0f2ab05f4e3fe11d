"""
Generates the reference of settings: those of a client, by hand, and those of a server, from its own table.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from generate_cli_reference import commands
from reference_pages import REFERENCE, page, row, table

CLIENT = """\
Everything can be given as an argument; an argument beats the variable. A variable that is set to nothing counts as not
set. Settings of the same rank that contradict each other are an error (`FiGuardConfigError`) that names both, and so is
half a setting: a key without an address, or an address without a key.

| variable | argument | means |
|---|---|---|
| `FIGUARD_DATABASE` | `database=`, `--database` | the file of embedded mode, unless given `~/.figuard/figuard.db` |
| `FIGUARD_API_KEY` | `api_key=` | the key of a server |
| `FIGUARD_BASE_URL` | `base_url=` | the address of a server |
| `FIGUARD_SANDBOX_URL` | | the address of a sandbox; used by `mode="sandbox"` only |
| `FIGUARD_TOKEN_PEPPER` | | what tokens are hashed under ([secrets](../guides/production.md#secrets)) |
| `FIGUARD_WEBHOOK_SECRET` | `--secret` | the secret of `figuard webhooks create` |
| `FIGUARD_TRACEBACK` | | `1`: a failure of the command line shows where in the code it arose |
"""

HOMES = """
## Which home

| given | decisions are made |
|---|---|
| nothing | in this process, on `~/.figuard/figuard.db` |
| a database | in this process, on that file |
| a key and an address | on that server |
| `mode="embedded"`, `"server"`, `"sandbox"` | there; variables of another mode are ignored, arguments are an error |

Nothing is ever sent to a host that was not named, and a private key is never sent to a sandbox.

```python
from figuard import FiGuardClient, FiGuardConfigError

for settings in ({"api_key": "fg_live_1"}, {"database": "a.db", "base_url": "https://figuard.example.com"}):
    try:
        FiGuardClient(**settings)
    except FiGuardConfigError as error:
        print(error)
```

```text
an API key was given without base_url (or FIGUARD_BASE_URL); a server needs both, embedded mode needs neither
base_url contradicts database='a.db'; keep one of them
```
"""

SERVER = """
## The server

Arguments of `figuard serve` beat these variables. The names in brackets are older ones of the same setting.
"""


def settings_page() -> str:
    """Return the page."""
    return page("Settings", "generate_settings_reference", CLIENT) + HOMES + server_part()


def has_server() -> bool:
    """Return whether there is a server that people can start."""
    return any(path[1] == "serve" for path, _ in commands())


def server_part() -> str:
    """Return the table of the server's variables, empty while there is none."""
    if not has_server():
        return ""
    settings = import_module("figuard.server.settings")
    defaults = settings.ServerSettings()
    parts = [SERVER, table("variable", "default", "means")]
    for variable in settings.VARIABLES:
        names = f"`{variable.name}`" + "".join(f" (`{alias}`)" for alias in variable.aliases)
        shown = "" if variable.secret else default(getattr(defaults, variable.setting))
        parts.append(row(names, shown, variable.says))
    return "".join(parts)


def default(value: object) -> str:
    """Return a default as it would be written in the environment; nothing for none."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value not in {"", None} else ""


def outputs() -> dict[Path, str]:
    """Return every file generated here, by path."""
    return {REFERENCE / "settings.md": settings_page()}
