"""Whether the URLs in log lines and messages are links in Airflow's log view."""

from __future__ import annotations

import re


def broken_links(text: str) -> list[str]:
    """Return the URLs in a text that Airflow's log view makes a broken link of.

    The link is everything from ``http`` to the next white space, so a comma or a bracket after a URL is part of it.
    """
    return [url for url in re.findall(r"https?://\S+", text) if re.search(r"[^\w/…]$", url)]
