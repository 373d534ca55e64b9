"""The link *Hex run*, which Airflow's UI shows for each task instance of the operator and the sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_hex.airflow_compat import BaseOperatorLink
from airflow_provider_hex.triggers.run_xcom import RUN_URL

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from airflow_provider_hex.airflow_compat import BaseOperator


class HexRunLink(BaseOperatorLink):
    """Leads to the page of the task's run in Hex, as soon as the task has pushed the XCom ``run_url``.

    Airflow keeps the XComs of the newest attempt only, so earlier attempts show the link to that attempt's run, too.
    """

    name = "Hex run"
    xcom_key = RUN_URL
    """Airflow 3's API server reads this XCom, and calls no code of this class."""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the run's URL. Airflow 2 calls this for the page, and Airflow 3 when the task ends, to push the XCom.

        :param operator: the task.
        :param ti_key: the task instance.
        :return: the URL, empty if there is no run. (Airflow 3 would show None as a link.)
        """
        from airflow_provider_hex.airflow_compat import XCom  # a DAG file does not need it

        return XCom.get_value(key=RUN_URL, ti_key=ti_key) or ""
