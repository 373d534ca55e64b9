"""What dbt exposures add to the parse of a DAG file, beside the same with Cosmos."""
