"""The links on Airflow 3.3. The matrix has the same test for every other Airflow."""

from tests.matrix.test_links import (
    pytestmark,
    test_a_task_has_the_link_to_its_run_as_soon_as_the_run_exists_and_to_that_of_its_newest_attempt,
)

__all__ = [
    "pytestmark",
    "test_a_task_has_the_link_to_its_run_as_soon_as_the_run_exists_and_to_that_of_its_newest_attempt",
]
