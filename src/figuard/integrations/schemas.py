"""
What a tool's JSON schema says about a call: the defaults of the arguments that the model left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


def with_defaults(schema: object, arguments: object) -> dict[str, Any]:
    """
    Return a call's arguments, completed with the defaults of *schema*: an argument left out costs its default.

    What is no object has no arguments, and so no amount.
    """
    defaults: dict[str, Any] = {}
    if isinstance(schema, Mapping):
        properties = cast("Mapping[str, object]", schema).get("properties")
        if isinstance(properties, Mapping):
            for name, described in cast("Mapping[str, object]", properties).items():
                if isinstance(described, Mapping) and "default" in described:
                    defaults[name] = cast("Mapping[str, Any]", described)["default"]
    given = cast("Mapping[str, Any]", arguments) if isinstance(arguments, Mapping) else {}
    return {**defaults, **given}
