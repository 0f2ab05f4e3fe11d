"""
The blocking client, by topic. ``figuard.client.aio`` is generated from it, all but ``core`` and ``client``.
"""
