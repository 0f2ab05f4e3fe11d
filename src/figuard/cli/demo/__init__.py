"""
``figuard demo``: six incidents that cost money elsewhere, played for real against books of their own.
"""
