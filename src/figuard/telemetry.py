"""
Spans for OpenTelemetry (see ``figuard.client.telemetry``, where they are defined).
"""

from figuard.client.telemetry import SCHEMA_URL, TRACER, Span, sampled_trace_id, span

__all__ = ["SCHEMA_URL", "TRACER", "Span", "sampled_trace_id", "span"]
