"""The figures of ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

if TYPE_CHECKING:
    from benchmarks.polling.__main__ import Row

PATH = Path(__file__).parents[2] / "docs" / "polling-delay.png"
_SHORT = {"best fixed": "best fixed interval at which none fails"}


_OURS = {"ours, without history": "tab:blue", "ours, with history": "tab:green", "ours, default budget": "tab:cyan"}


def _style(name: str) -> dict[str, Any]:
    if name in _OURS:
        return {"linewidth": 2.5, "color": _OURS[name]}
    if name.startswith("oracle"):
        return {"linewidth": 1.2, "linestyle": ":", "color": "black" if "without" in name else "grey"}
    return {"linewidth": 1, "linestyle": "--", "color": "tab:red" if "best" in name else None}


def draw(tables: Mapping[int, Sequence[Row]]) -> None:
    """Draw the mean delay over the number of runs at once, one line a policy, and write it to ``docs/``.

    :param tables: the rows of each year's limits.
    """
    figure, axes = pyplot.subplots(1, len(tables), figsize=(11, 4.6), sharey=True, layout="constrained")
    for axis, (year, table) in zip(axes, tables.items(), strict=True):
        lines: dict[str, list[tuple[int, float]]] = {}
        for row in table:
            name = row.policy.split(":")[0]
            if not row.outcome.failed:
                lines.setdefault(_SHORT.get(name, name), []).append((row.count, row.outcome.mean))
        for name, points in lines.items():
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name, **_style(name))
        axis.set(title=f"Limits of {year}", xlabel="runs at once", xscale="log", yscale="log")
        axis.set_xticks([count for count, _ in max(lines.values(), key=len)], minor=False)
        axis.xaxis.set_major_formatter("{x:.0f}")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean delay, seconds")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    figure.suptitle("From a run's end until it is known. A line ends where tasks fail with 429.", fontsize=10)
    figure.savefig(PATH, dpi=110)
