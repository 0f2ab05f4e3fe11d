"""
The asyncio client (see ``figuard.client.aio.client``, where it is defined).
"""

from figuard.client.aio.client import AsyncFiGuardClient

__all__ = ["AsyncFiGuardClient"]
