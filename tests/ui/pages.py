"""The pages of Airflow 3's UI, as far as the tests use them."""

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

    def dag_run(self, dag_id: str, dag_run_id: str) -> None:
        """Open a DAG run: the grid, and the list of its tasks."""
        self._open(f"/dags/{dag_id}/runs/{dag_run_id}")
        expect(self.page.get_by_role("row").filter(has_text="Task ID")).to_be_visible()

    def task(self, dag_id: str, dag_run_id: str, task_id: str, map_index: int | None = None) -> None:
        """Open a task instance: the grid, and its log."""
        mapped = "" if map_index is None else f"/mapped/{map_index}"
        self._open(f"/dags/{dag_id}/runs/{dag_run_id}/tasks/{task_id}{mapped}")
        expect(self.page.get_by_role("link", name="Rendered Templates")).to_be_visible()

    @property
    def log(self) -> Locator:
        """The log of the task instance that is open."""
        return self.page.get_by_test_id("virtualized-list")

    @property
    def hex_link(self) -> Locator:
        """The extra link of the task instance that is open."""
        return self.page.get_by_role("link", name="Hex run", exact=True)

    def _open(self, path: str) -> None:
        self.page.goto(f"{self._url}{path}")
