"""A stand-in for the Hex API over HTTP, for development, tests and trying a DAG without a Hex account.

`python -m hex_emulator` serves it, `hex_emulator.server.running()` serves it inside a test, and
`hex_emulator.client.Control` says how the next runs go and which calls go wrong.
"""
