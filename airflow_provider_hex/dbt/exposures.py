"""The exposures of a dbt manifest that are Hex projects. No Airflow, no I/O."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.ids import known_project_id, to_id
from airflow_provider_hex.api.project_url import project_in_url
from airflow_provider_hex.api.validation import is_template
from airflow_provider_hex.dbt.graph import Graph, Node, walk
from airflow_provider_hex.dbt.meta import check_meta

DBT_SUCCEEDED = "dbt_succeeded"
"""The id of the task that stands beside those of the exposures."""
_LONGEST_NAME = 200
"""Characters. Airflow allows 250 for the id of a task, with those of its task groups."""


@dataclass(frozen=True)
class HexExposure:
    """A Hex project that reads models of dbt: an exposure, or several that differ in nothing that matters to Hex.

    :param unique_ids: dbt's ids of the exposures, such as ``exposure.shop.revenue``.
    :param name: a task id: the name of the first, with its package or a number if another exposure has that name.
    :param label: the label, or the name where there is none.
    :param project: the URL of the project, or its id where the exposure's ``meta`` has it.
    :param owner: the owner's name, or the e-mail address where there is no name; empty for no owner.
    :param description: the description, in Markdown.
    :param models: the ids of the nodes that the exposure reads directly. In place of a metric, those that it reads.
    :param nodes: all nodes that it reads, directly or not, by their ids.
    :param arguments: arguments of the operator from the exposure's ``meta.hex``, without the project.
    """

    unique_ids: tuple[str, ...]
    name: str
    label: str
    project: str
    owner: str
    description: str
    models: tuple[str, ...]
    nodes: Mapping[str, Node]
    arguments: Mapping[str, Any]

    @property
    def unique_id(self) -> str:
        """The id of the first exposure."""
        return self.unique_ids[0]

    @property
    def project_id(self) -> str:
        """The project's id."""
        return known_project_id(self.project)

    @property
    def url(self) -> str | None:
        """The project's URL, None if only its id is known."""
        return self.project if project_in_url(self.project) else None


@dataclass(frozen=True)
class ExposureProblem:
    """An exposure that cannot be used.

    :param unique_id: dbt's id of it.
    :param message: what is wrong with it, and what to do.
    """

    unique_id: str
    message: str


@dataclass(frozen=True)
class ExposureReading:
    """The exposures of a manifest that are meant to be Hex projects.

    :param exposures: those that can be used, in the order of their ids.
    :param problems: the exposures that cannot be used.
    """

    exposures: tuple[HexExposure, ...]
    problems: tuple[ExposureProblem, ...]


def read_exposures(manifest: Mapping[str, Any]) -> ExposureReading:
    """Return the exposures of a manifest that are Hex projects: their URL is Hex's, or they have ``meta.hex``.

    Exposures of one project with the same ``meta.hex`` become one, with the models of all.

    :param manifest: the content of ``manifest.json``, or of what :func:`~airflow_provider_hex.dbt.trim.trim` returns.
    """
    graph = Graph(manifest)
    found: dict[tuple[str, str], list[HexExposure]] = defaultdict(list)
    problems = []
    all_exposures = manifest.get("exposures") or {}
    for unique_id, data in sorted(all_exposures.items()):
        if not is_of_hex(data):
            continue
        try:
            exposure = _read(unique_id, data, graph)
        except HexInvalidInput as error:
            problems.append(ExposureProblem(unique_id, str(error)))
        else:
            meta = json.dumps(exposure.arguments, sort_keys=True, default=str)
            found[exposure.project_id.lower(), meta].append(exposure)
    return ExposureReading(_with_unique_names([_merged(same) for same in found.values()]), tuple(problems))


def is_of_hex(exposure: Mapping[str, Any]) -> bool:
    """Whether an exposure is meant to be a Hex project.

    :param exposure: the exposure, as the manifest has it.
    """
    if "hex" in meta_of(exposure):
        return True
    url = str(exposure.get("url") or "")
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:  # brackets in it
        return "hex.tech" in url
    return host == "hex.tech" or host.endswith(".hex.tech") or ("hex" in host and project_in_url(url) is not None)


def meta_of(exposure: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the ``meta`` of an exposure, which dbt writes to two places."""
    meta: Mapping[str, Any] = (exposure.get("config") or {}).get("meta") or exposure.get("meta") or {}
    return meta


def _read(unique_id: str, data: Mapping[str, Any], graph: Graph) -> HexExposure:
    """Read one exposure.

    :raises HexInvalidInput: its name, its project or an argument is invalid, or dbt builds nothing that it reads.
    """
    name = re.sub(r"[^\w.-]", "_", str(data["name"]))
    if len(name) > _LONGEST_NAME:
        raise HexInvalidInput(f"Its name is longer than {_LONGEST_NAME} characters. The task's id has it: shorten it.")
    arguments = meta_of(data).get("hex") or {}
    check_meta(arguments)
    project = _project(arguments, data.get("url"))
    owner = data.get("owner") or {}
    nodes = graph.upstream(unique_id)
    if not any(map(graph.is_built, walk(graph.parents(unique_id), nodes.__getitem__, lambda node: node.passes_on))):
        raise HexInvalidInput(
            "dbt builds nothing that it reads, so it would never be refreshed. Name its models in depends_on."
        )
    return HexExposure(
        unique_ids=(unique_id,),
        name=name,
        label=str(data.get("label") or data["name"]),
        project=project,
        owner=_text(owner.get("name") or owner.get("email")),
        description=data.get("description") or "",
        models=_models(graph.parents(unique_id), nodes),
        nodes=nodes,
        arguments={name: value for name, value in arguments.items() if name != "project_id"},
    )


def _project(arguments: Mapping[str, Any], url: Any) -> str:
    project = arguments.get("project_id") or url
    if not project:
        raise HexInvalidInput(
            "It has neither a url nor meta.hex.project_id. Pass the URL of the Hex project as its url."
        )
    if "project_id" not in arguments and project_in_url(project) is None:
        raise HexInvalidInput(f"Its url is not that of a project. Pass that, or meta.hex.project_id. It is: {project}")
    if not is_template(project):
        to_id(project, "project_id")
    return str(project)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _models(parents: tuple[str, ...], nodes: Mapping[str, Node]) -> tuple[str, ...]:
    """Return the nodes that are read, with those that a metric reads in place of the metric."""
    found = walk(parents, nodes.__getitem__, lambda node: node.stands_for_others)
    return tuple(unique_id for unique_id, node in found.items() if not node.stands_for_others)


def _merged(same: list[HexExposure]) -> HexExposure:
    """Return several exposures of one project as one."""
    return replace(
        same[0],
        unique_ids=tuple(each.unique_id for each in same),
        label=", ".join(dict.fromkeys(each.label for each in same)),
        owner=", ".join(dict.fromkeys(each.owner for each in same if each.owner)),
        description="\n\n".join(dict.fromkeys(each.description for each in same if each.description)),
        models=tuple(dict.fromkeys(model for each in same for model in each.models)),
        nodes={unique_id: node for each in same for unique_id, node in each.nodes.items()},
    )


def _with_unique_names(exposures: list[HexExposure]) -> tuple[HexExposure, ...]:
    times = Counter(each.name for each in exposures)
    taken = {DBT_SUCCEEDED}

    def unique_name(exposure: HexExposure) -> str:
        package = exposure.unique_id.split(".")[1]
        base = exposure.name if times[exposure.name] == 1 else f"{package}__{exposure.name}"
        numbered = (f"{base}_{number}" for number in count(2))
        name = next(each for each in chain([base], numbered) if each not in taken)
        taken.add(name)
        return name

    return tuple(replace(each, name=unique_name(each)) for each in exposures)
