"""The error reference, ``docs/errors.md``."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex.api import error_hints
from airflow_provider_hex.api.connection_name import with_name
from airflow_provider_hex.api.error_body import ErrorBody
from airflow_provider_hex.api.error_messages import outcome_of_cancel
from airflow_provider_hex.api.errors import HexError, HexRunGone, all_classes
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.runs import release
from docs.error_reference import CASES, PAGE, page
from tests.api.calls import NAMES, call_named
from tests.links import broken_links


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again with: make error-reference"


def test_the_words_of_a_common_failure_are_in_the_message_that_their_row_links_to() -> None:
    text = page()
    rows = re.findall(r"^\| `([^`]+)` \| \[([^\]]+)\]\(#", text, re.MULTILINE)
    assert rows
    for words, heading in rows:
        assert words in text.partition(f"\n### {heading}\n")[2].partition("\n#")[0], heading


@pytest.mark.parametrize("cls", all_classes())
def test_each_class_has_its_own_messages(cls: type[HexError]) -> None:
    assert {type(case.error) for case in CASES[cls]} == {cls}


@pytest.mark.parametrize("cls", all_classes())
def test_each_url_in_a_message_is_a_link_in_airflows_log_view(cls: type[HexError]) -> None:
    for case in CASES[cls]:
        assert not broken_links(str(case.error))


@pytest.mark.parametrize("name", NAMES)
def test_each_hint_is_on_the_page(name: str) -> None:
    text = page()
    for status in (*range(300, 600),):
        for rejected in ([], ["as_of"]):
            hint = error_hints.hint(call_named(name), status, ErrorBody(None, None, [], rejected))
            assert with_name(hint, "hex_default") in text


def test_each_sentence_about_what_happened_to_a_run_has_a_row() -> None:
    rows = page().partition("## What happened to the run")[2].partition("\n## ")[0]
    known = re.findall(r"`([^`]+)`", rows)
    ended: Any = [{"status": status} for status in RunStatus if status.is_terminal]
    gone = HexRunGone("gone")
    sentences = [*release._LEFT.values(), release._NOT_CANCELLED, release.GONE_TO_RETRY]
    sentences += [outcome_of_cancel(found) for found in [None, gone, *ended]]
    assert not [each for each in sentences if not any(words in each for words in known)]
