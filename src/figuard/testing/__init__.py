"""
For tests of one's own: the suite that every store passes, a store that fails on purpose, and time, ids and secrets
that repeat themselves.
"""
