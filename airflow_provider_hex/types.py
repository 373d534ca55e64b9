"""The types of airflow-provider-hex 0.1, by their old names. ``airflow_provider_hex.api.models`` has them all."""

from airflow_provider_hex.api.models import Notification as NotificationDetails
from airflow_provider_hex.api.models import NotificationRecipient as NotificationResponse
from airflow_provider_hex.api.models import Run as StatusResponse
from airflow_provider_hex.api.models import StartedRun as RunResponse
from airflow_provider_hex.compat_0_1.deprecation import deprecated

__all__ = ["NotificationDetails", "NotificationResponse", "RunResponse", "StatusResponse"]

deprecated(
    "Use Notification, NotificationRecipient, StartedRun and Run of airflow_provider_hex.api.models instead of the "
    "types in airflow_provider_hex.types."
)
