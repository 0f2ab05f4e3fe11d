"""
The server: the HTTP API over the engine, what people see of it in a browser, and the work that time alone makes due.

It decides nothing. Routes are built from ``figuard.wire.operations``, every request goes through
``figuard.service``, and every error is written by ``figuard.wire.errors``.
"""
