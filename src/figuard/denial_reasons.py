"""
Why a spend was denied (see ``figuard.client.denial_reasons``, where it is defined).
"""

from figuard.client.denial_reasons import DenialReason, retryable, terminal

__all__ = ["DenialReason", "retryable", "terminal"]
