"""Apache Airflow provider for Hex. Importing this package imports neither Airflow nor an HTTP library."""

__version__ = "1.0.0rc1"
