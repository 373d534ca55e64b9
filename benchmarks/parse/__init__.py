"""What importing a provider adds to the parse of a DAG file, ours beside others."""
