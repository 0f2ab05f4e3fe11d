"""
From requests to commands and questions: the one place where what comes from outside is validated.
"""
