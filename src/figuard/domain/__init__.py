"""
The pure rules: values in, values out.

Nothing here reads a clock, draws an id, touches a file or logs. Time, ids and chance arrive as arguments, which is
why a run can be repeated byte for byte and why the ledger can be judged by the very functions that wrote it.
"""
