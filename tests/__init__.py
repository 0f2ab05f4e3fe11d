"""
The proofs. A real package, so that `tests.…` never means another distribution's stray folder of that name.
"""
