"""The hunt through several versions of Airflow is for ``make secrets``, which names them."""

import os

collect_ignore = [] if "SECRETS_VERSIONS" in os.environ else ["test_airflow_versions.py"]
