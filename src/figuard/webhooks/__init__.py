"""
Webhooks: telling the outside what happened. It signs, judges addresses and sends; what to tell, to whom and when
again is the engine's.
"""

from figuard.webhooks.addresses import UnsafeAddress
from figuard.webhooks.sender import Attempt, Sender

__all__ = ["Attempt", "Sender", "UnsafeAddress"]
