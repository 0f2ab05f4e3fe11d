"""
Doing what is due in a store of one's own.
"""

from __future__ import annotations

from figuard.client.exceptions import FiGuardCapabilityError
from figuard.client.session import Session
from figuard.client.steps import Local, Steps, value_of


def swept(session: Session) -> Steps[None]:
    """Do what is due, and send the notices that wait. Raises ``FiGuardCapabilityError`` where a server does that."""
    if session.sweep is None:
        raise FiGuardCapabilityError("sweep (a server does it by itself)")
    value_of((yield Local(session.sweep)))
