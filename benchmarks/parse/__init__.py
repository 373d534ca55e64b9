"""What the import of a provider adds to the parse of a DAG file: this provider and others."""
