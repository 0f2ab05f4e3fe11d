"""
What every test shares: how many examples Hypothesis tries in which run.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: two slow cores under load say nothing about the code. Pytest's own time-out ends what hangs.
# The quick profile is derandomized, so that a red check is red for everyone; the long one looks for news.
settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True, database=None)
settings.register_profile("check", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "full", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("check")
