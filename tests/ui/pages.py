"""The pages of Airflow 3's UI, as far as the tests use them."""

from dataclasses import dataclass, replace
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PICTURES = Path(__file__).parents[2] / "docs" / "images"
WITHIN = 300.0
"""Seconds that anything may take on a slow and busy machine."""
LOADING = ".chakra-spinner, .chakra-skeleton, [role=progressbar]"

expect.set_options(timeout=WITHIN * 1000)


def picture(shown: Page | Locator, name: str, height: int | None = None) -> None:
    """Write a picture for the documentation: of a page's upper part, so many pixels high, or of a part of a page."""
    page = shown.page if isinstance(shown, Locator) else shown
    expect(page.locator(LOADING).filter(visible=True)).to_have_count(0)
    page.mouse.move(0, 0)  # no tooltip
    size = page.viewport_size
    page.set_viewport_size({**size, "height": height or size["height"]})
    shown.screenshot(path=PICTURES / name, animations="disabled", caret="hide")
    page.set_viewport_size(size)


@dataclass(frozen=True)
class TaskRun:
    """A task instance, and its Hex run."""

    dag_id: str
    dag_run_id: str
    task_id: str
    hex_run_id: str
    url: str
    map_index: int | None = None


class AirflowPages:
    """Opens pages of one Airflow in a tab, and finds what a user sees there."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url

    def connections(self) -> None:
        """Open the list of connections."""
        self._open("/connections")
        expect(self.page.get_by_role("button", name="Add Connection")).to_be_visible()

    def connection_row(self, connection_id: str) -> Locator:
        """The row of a connection in the list."""
        return self.page.get_by_role("row").filter(has_text=connection_id)

    def connection_form(self) -> Locator:
        """Open the form for a new connection, and choose the type Hex."""
        self.connections()
        self.page.get_by_role("button", name="Add Connection").click()
        form = self.page.get_by_role("dialog")
        form.get_by_role("combobox").first.fill("hex")
        self.page.get_by_role("option", name="Hex", exact=True).click()
        expect(form.get_by_text("API token")).to_be_visible()
        return form

    def task_log(self, task: TaskRun) -> Locator:
        """Open a task instance: the grid, and the log, which is returned."""
        self._open(_path(task))
        return self.page.get_by_test_id("virtualized-list")

    @property
    def log_view(self) -> Locator:
        """The part of the page in which the log is visible."""
        return self.page.get_by_test_id("virtual-scroll-container")

    def task_details(self, task: TaskRun) -> Locator:
        """Open the details of a task instance, and return its link *Hex run*."""
        self._open(f"{_path(task)}/details")
        return self.page.get_by_role("link", name="Hex run", exact=True)

    def mapped_tasks(self, task: TaskRun) -> None:
        """Open the list of a mapped task's instances."""
        self._open(_path(replace(task, map_index=None)) + "/mapped")

    def _open(self, path: str) -> None:
        self.page.goto(f"{self._url}{path}")


def _path(task: TaskRun) -> str:
    mapped = "" if task.map_index is None else f"/mapped/{task.map_index}"
    return f"/dags/{task.dag_id}/runs/{task.dag_run_id}/tasks/{task.task_id}{mapped}"
