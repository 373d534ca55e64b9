"""Where a manifest may be, and when it is read."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import ObjectStoragePath
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.dbt import HexExposures, manifest
from airflow_provider_hex.dbt.json_files import read_json
from tests.dbt.manifests import exposure
from tests.dbt.manifests import manifest as new_manifest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    write(path, "revenue")
    return path


def write(path: Path, *names: str) -> None:
    """Write a manifest with exposures of these names."""
    exposures = {name: exposure("daily", hex={"view_id": name}) for name in names}
    path.write_text(json.dumps(new_manifest(exposures)))


def names(source: Any) -> list[str]:
    return [each.name for each in HexExposures(source).exposures]


@pytest.mark.parametrize(
    "source",
    [
        str,
        lambda file: file,
        lambda file: file.as_uri(),
        lambda file: ObjectStoragePath(file.as_uri()),
        lambda file: json.loads(file.read_text()),
    ],
    ids=["path as text", "path", "URL", "ObjectStoragePath", "dict"],
)
def test_a_manifest_is_a_file_or_an_object_or_a_dict(source: Callable[[Path], Any], file: Path) -> None:
    assert names(source(file)) == ["revenue"]


def test_a_file_is_read_again_only_when_it_has_changed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def read(source: Any) -> Any:
        reads.append(source)
        return read_json(source)

    monkeypatch.setattr(manifest, "read_json", read)
    assert names(file) == names(file) == names(str(file)) == ["revenue"]
    assert len(reads) == 1
    write(file, "orders", "revenue")
    os.utime(file, (1, 1))
    assert names(file) == ["orders", "revenue"]
    write(file, "revenue")
    os.utime(file, (1, 1))  # a clock that is coarse
    assert names(file) == ["revenue"]
    assert len(reads) == 3


def test_a_large_manifest_is_read_with_a_warning(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = json.loads(file.read_text())
    with caplog.at_level(logging.WARNING, "airflow_provider_hex"):
        HexExposures(file)
        assert not caplog.text
        file.write_text(json.dumps({**content, "macros": {"a": "x" * 6_000_000}}))
        os.utime(file, (1, 1))
        assert names(file) == ["revenue"]
    assert "has 6 MB" in caplog.text
    assert "airflow hex exposures trim" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no dbt manifest at "),
        ("{", "manifest.json is not JSON"),
        ("[]", "manifest.json is not the manifest of a dbt project"),
        ('{"results": []}', "manifest.json is not the manifest of a dbt project"),
    ],
)
def test_what_is_no_manifest_is_an_error_of_the_dag_file(content: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(HexInvalidInput, match=message):
        HexExposures(file)


@pytest.mark.parametrize("source", [None, "", 5, ["manifest.json"], {}])
def test_what_is_neither_a_path_nor_a_manifest_is_an_error_of_the_dag_file(source: Any) -> None:
    with pytest.raises(HexInvalidInput):
        HexExposures(source)


def test_a_folder_is_an_error_of_the_dag_file(tmp_path: Path) -> None:
    with pytest.raises(HexInvalidInput, match="cannot be read: Is a directory"):
        HexExposures(tmp_path)


def test_a_path_may_begin_with_the_home_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    assert names("~/manifest.json") == names(Path("~/manifest.json")) == ["revenue"]


def test_a_bad_exposure_is_logged_and_the_others_are_there(caplog: pytest.LogCaptureFixture) -> None:
    content = new_manifest({"bad": exposure("daily", url="https://app.hex.tech/acme/home"), "good": exposure("daily")})
    with caplog.at_level(logging.ERROR, "airflow_provider_hex"):
        found = HexExposures(content)
    assert [each.name for each in found.exposures] == ["good"]
    assert [each.unique_id for each in found.problems] == ["exposure.shop.bad"]
    assert "exposure.shop.bad has no task: " in caplog.text
