"""Links from Airflow's task instances to Hex."""
