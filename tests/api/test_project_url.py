"""Which project and which run a URL names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api.project_url import project_in_url, run_in_url
from tests.api.calls import PROJECT, RUN
from tests.api.project_urls import base_62, hosts, ids, rests, titled, titles, workspaces

KINDS = st.sampled_from(["app", "hex"])
PAIRS = [
    ("033WhiRrYfY6YugmSpdB8W", "019eb848-2e32-77f8-991b-aaa5018c75b4"),
    ("034OglsR9JAGWYwQZ91DjJ", "01a0a009-8e2e-716f-a668-81a3fc326cd5"),
]


@pytest.mark.parametrize(("digits", "project"), PAIRS)
@pytest.mark.parametrize("title", ["", "Daily-revenue-", "A--title-"])
def test_22_characters_of_a_url_are_the_id_in_base_62(digits: str, project: str, title: str) -> None:
    found = project_in_url(f"https://app.hex.tech/acme/app/{title}{digits}/latest")
    assert found
    assert found.id == project
    assert found.note == (
        f"The project's id {project} was derived from its URL, in a way that Hex does not document. If the URL is "
        "right, use the id under Variables in the project's sidebar."
    )


@given(hosts, workspaces, KINDS, ids, rests)
def test_an_id_in_a_url_is_found_whatever_surrounds_it(
    host: str, workspace: str, kind: str, project: str, rest: str
) -> None:
    found = project_in_url(f"{host}/{workspace}/{kind}/{project.upper()}{rest}")
    assert found
    assert (found.id, found.note) == (project.upper(), "")


@given(hosts, workspaces, KINDS, titles, ids, rests)
def test_an_id_in_base_62_is_found_whatever_surrounds_it(
    host: str, workspace: str, kind: str, title: str, project: str, rest: str
) -> None:
    found = project_in_url(f"{host}/{workspace}/{kind}/{title}{base_62(project)}{rest}")
    assert found
    assert found.id == project
    assert project in found.note


@pytest.mark.parametrize(
    "text",
    [
        PROJECT,
        f"https://app.hex.tech/acme/{PROJECT}/latest",
        f"https://app.hex.tech/app/{PROJECT}",
        f"https://app.hex.tech/acme/explore/{PROJECT}",
        f"https://app.hex.tech/acme/APP/{PROJECT}",
        f"https://app.hex.tech/acme/app/Title-{PROJECT}/latest",
        f"https://app.hex.tech/acme/app/{PROJECT}0/latest",
        f"https://app.hex.tech/acme/x/app/{PROJECT}/latest",
        f"ftp://app.hex.tech/acme/app/{PROJECT}",
        f" https://app.hex.tech/acme/app/{PROJECT}",
        f"https://app.hex.tech/acme/app/{PROJECT}\n",
        f"see https://app.hex.tech/acme/app/{PROJECT}",
        f"https://app.hex.tech/acme/home?next=/acme/app/{PROJECT}",
        "https://app.hex.tech/acme/app/Daily-revenue/latest",
        "https://app.hex.tech/acme/app/Title-033WhiRrYfY6YugmSpdB8/latest",
        "https://app.hex.tech/acme/app/Title033WhiRrYfY6YugmSpdB8W/latest",
        "https://app.hex.tech/acme/app/Title-033WhiRrYfY6YugmSpdB_W/latest",
        "https://app.hex.tech/acme/app/Title-7n42DGM5Tflk9n8mt7Fhc8/latest",
        "https://app.hex.tech/acme/app/Title-zzzzzzzzzzzzzzzzzzzzzz/latest",
        "",
    ],
)
def test_other_texts_name_no_project(text: str) -> None:
    assert project_in_url(text) is None


def test_the_greatest_id_is_found() -> None:
    found = project_in_url("https://app.hex.tech/acme/app/7n42DGM5Tflk9n8mt7Fhc7")
    assert found
    assert found.id == "ffffffff-ffff-ffff-ffff-ffffffffffff"


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert project_in_url(text) is None or "/" in text
    assert run_in_url(text) is None or "runId" in text


@pytest.mark.parametrize("project", [PROJECT, titled(PROJECT).split("/")[-2]])
@pytest.mark.parametrize("query", [f"runId={RUN}", f"view=x&runId={RUN}#top", f"runId={RUN}&runId={PROJECT}"])
def test_a_runs_url_names_the_run_and_the_project(project: str, query: str) -> None:
    url = f"https://app.hex.tech/hex/app/{project}/latest?{query}"
    found = project_in_url(url)
    assert found
    assert found.id == PROJECT
    assert run_in_url(url) == RUN


@pytest.mark.parametrize(
    "text",
    [
        RUN,
        f"https://app.hex.tech/acme/app/{PROJECT}/latest",
        f"https://app.hex.tech/acme/app/{PROJECT}/latest?runId=",
        f"https://app.hex.tech/acme/app/{PROJECT}/latest?runId=latest",
        f"https://app.hex.tech/acme/app/{PROJECT}/latest?id={RUN}",
        f"https://app.hex.tech/acme?runId={RUN}",
    ],
)
def test_other_texts_name_no_run(text: str) -> None:
    assert run_in_url(text) is None
