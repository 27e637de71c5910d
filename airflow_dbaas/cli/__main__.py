# PYTHON_ARGCOMPLETE_OK
"""``python -m airflow_dbaas.cli`` is ``airflow-dbaas``."""

import sys

from airflow_dbaas.cli import main

sys.exit(main())
