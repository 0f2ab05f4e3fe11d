"""
The asyncio client, by topic. All but ``core`` and ``client`` is generated from ``figuard.client.sync``.
"""
