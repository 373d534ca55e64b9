"""Hex itself: what its API says and means. Only ``client`` and ``async_client`` do I/O."""
