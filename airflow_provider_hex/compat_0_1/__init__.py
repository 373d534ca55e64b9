"""The names of airflow-provider-hex 0.1, so that DAGs written for it run unchanged. ``docs/upgrading.md`` lists them.

To remove them, delete this package, ``types.py`` and ``tests/compat_0_1``, and what refers to them then.
"""
