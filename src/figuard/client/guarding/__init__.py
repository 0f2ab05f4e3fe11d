"""
The guard around a call: how a call gets past it, what it costs, and what marks a guarded function.

``client.guarded`` raises at a denial, for programs; ``client.guard`` tells it, for tools that a model calls. Both are
the same passage, of either colour. Frameworks come to it through ``figuard.integrations.guard``.
"""
