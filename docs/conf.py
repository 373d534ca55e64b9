"""How Sphinx builds this folder: ``make docs``. The build downloads nothing."""

from __future__ import annotations

from airflow_provider_hex import __version__

project = "airflow-provider-hex"
author = "The airflow-provider-hex authors"
release = version = __version__
html_title = f"Airflow provider for Hex {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc"]

smartquotes_action = "D"  # dashes only, so that messages can be searched for as they are in logs

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_theme_options = {
    "source_repository": "https://github.com/hex-inc/airflow-provider-hex/",
    "source_branch": "main",
    "source_directory": "docs/",
}
html_show_copyright = False
html_copy_source = False

myst_heading_anchors = 3  # links to sections are written as on GitHub

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True

# References of docstrings must be found, but not the types of arguments, nor Airflow's errors and the inner functions.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r".*"),
    ("py:exc", r"Airflow.*"),
    ("py:func", r"clean_token|airflow_provider_hex\.api\.(address|poll_schedule|responses)\..*"),
]
