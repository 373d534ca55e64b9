"""A stand-in for the Hex API over HTTP, to develop and test a DAG without a Hex account.

- ``python -m hex_emulator`` serves it.
- :func:`hex_emulator.server.running` serves it inside a test.
- :class:`hex_emulator.client.Control` controls how the next runs go and which calls fail.
"""
