"""
The HTTP API as data: operations, request and response structs, codecs, limits and the one error shape.

A request struct becomes a command or a question in ``parse``, a reply or a view becomes a response struct in
``render``. Nothing here does IO or knows the engine, so the server and embedded mode validate and answer alike.
"""
