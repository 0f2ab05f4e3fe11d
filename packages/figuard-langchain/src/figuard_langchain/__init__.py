"""
FiGuard for LangChain under the name that a search for it finds. Everything here is ``figuard.integrations.langchain``.
"""

from figuard.integrations.langchain import FiGuardCallbackHandler, FiGuardToolGuard, auto_guard_langchain

__all__ = ["FiGuardCallbackHandler", "FiGuardToolGuard", "auto_guard_langchain"]
__version__ = "2.0.0"
