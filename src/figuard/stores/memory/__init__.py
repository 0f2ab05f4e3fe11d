"""
The books in memory: the same promises as a database, for tests, simulations and trying things out.
"""

from figuard.stores.memory.data import MemoryData
from figuard.stores.memory.store import MemoryStore

__all__ = ["MemoryData", "MemoryStore"]
