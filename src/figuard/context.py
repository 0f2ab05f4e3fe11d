"""
Which event caused which (see ``figuard.client.context``, where it is defined).
"""

from figuard.client.context import (
    clear_current_event_id,
    figuard_run_in_executor,
    figuard_scope,
    get_current_event_id,
)

__all__ = ["clear_current_event_id", "figuard_run_in_executor", "figuard_scope", "get_current_event_id"]
