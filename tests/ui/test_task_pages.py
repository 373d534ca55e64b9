"""The pages of tasks that wait for Hex: grid, log, and the link *Hex run*."""

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.conftest import Runs
from tests.ui.pages import AirflowPages, TaskRun, picture

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


@pytest.fixture
def log(pages: AirflowPages, completed_operator: TaskRun) -> Locator:
    """The log of a task that has waited in the triggerer, from its start to the end of the run."""
    log = pages.task_log(completed_operator)
    expect(log).to_contain_text("COMPLETED")
    return log


def test_each_url_in_a_log_is_a_link_to_the_run(log: Locator, completed_operator: TaskRun) -> None:
    picture(log.page, "log.png", height=600)
    links = log.get_by_role("link").filter(has_text="http")
    # At least that of the start, and that of the end.
    assert [link.get_attribute("href") for link in links.all()] == [completed_operator.url] * max(2, links.count())


def test_what_a_line_says_stands_left_of_its_url_where_it_is_not_cut_off(log: Locator, pages: AirflowPages) -> None:
    view = pages.log_view.bounding_box()
    assert view is not None
    for link in log.get_by_role("link").filter(has_text="http").all():
        place = link.bounding_box()
        assert place is not None
        assert place["x"] < view["x"] + view["width"]


def test_a_deferred_operator_links_to_its_run(pages: AirflowPages, deferred_operator: TaskRun) -> None:
    expect(pages.task_details(deferred_operator)).to_have_attribute("href", deferred_operator.url)


def test_mapped_tasks_have_the_names_of_their_inputs_and_link_each_to_its_run(pages: AirflowPages, runs: Runs) -> None:
    tasks = runs.start_mapped("hex_for_each_region", "mapped", "refresh", ["AMER", "APAC", "EMEA"])
    pages.mapped_tasks(tasks["AMER"])
    for region in tasks:
        expect(pages.page.get_by_role("link", name=region, exact=True)).to_be_visible()
    picture(pages.page, "mapped.png", height=600)
    for task in tasks.values():
        expect(pages.task_details(task)).to_have_attribute("href", task.url)
    assert len({task.url for task in tasks.values()}) == len(tasks)


def test_a_failed_sensor_links_to_its_run(pages: AirflowPages, failed_sensor: TaskRun) -> None:
    expect(pages.task_details(failed_sensor)).to_have_attribute("href", failed_sensor.url)


def test_a_deferred_sensor_links_to_its_run(pages: AirflowPages, deferred_sensor: TaskRun) -> None:
    expect(pages.task_details(deferred_sensor)).to_have_attribute("href", deferred_sensor.url)
    picture(pages.page, "hex-run-link.png", height=460)


def test_the_grid_shows_a_deferred_sensor(pages: AirflowPages, deferred_sensor: TaskRun) -> None:
    expect(pages.task_log(deferred_sensor)).to_contain_text("RUNNING")
    expect(pages.page.get_by_text("Deferred", exact=True).first).to_be_visible()
    picture(pages.page, "grid.png", height=600)
