"""The constraints files of ``make matrix``: the package can be installed with each of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

CHECKOUT = Path(__file__).parents[1]
FILES = sorted((CHECKOUT / "constraints" / "matrix").glob("*.txt"))
DEPENDENCIES = [
    Requirement(text)
    for text in tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
]


def pins(file: Path) -> dict[str, str]:
    """Return the versions in a file, whose lines are all ``name==version``, some of them with a marker."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        assert requirement.url is None
        found[requirement.name] = pin.version
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_package_installs_beside_each_airflow_without_moving_another_package(file: Path) -> None:
    pinned = pins(file)
    assert all(dependency.specifier.contains(pinned[dependency.name]) for dependency in DEPENDENCIES)


def test_the_lowest_versions_that_are_tested_are_the_lowest_that_are_allowed() -> None:
    pinned = pins(CHECKOUT / "constraints" / "matrix" / "lowest.txt")
    lowest = {dependency.name: Version(bound.version) for dependency in DEPENDENCIES for bound in dependency.specifier}
    assert {name: Version(pinned[name]) for name in lowest} == lowest


@pytest.mark.parametrize("file", [file for file in FILES if file.stem != "lowest"], ids=lambda file: file.stem)
def test_a_file_is_named_after_its_airflow(file: Path) -> None:
    assert pins(file)["apache-airflow"] == file.stem.removesuffix("-newest-providers")
