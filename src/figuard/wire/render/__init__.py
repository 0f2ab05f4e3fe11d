"""
From replies and views to response structs: the one place where answers are written.
"""
