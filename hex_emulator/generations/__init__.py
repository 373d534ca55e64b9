"""The two generations of Hex's API, and which of them answers which call.

Hex moves its API from one server to another, call by call. :class:`~hex_emulator.generations.generation.Generation`
is all that differs; :mod:`~hex_emulator.generations.api` says which calls have moved.
"""
