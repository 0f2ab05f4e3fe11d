"""
Every operation of the client, written once, without colour: generators of wishes (see ``figuard.client.steps``).
"""
