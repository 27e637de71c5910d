"""The tests. Airflow reads its settings when it is first imported, so they are made here, before any test is."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="airflow-dbaas-tests-"))
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)

for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "EXOSCALE_", "PG"))]:
    del os.environ[name]
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(AIRFLOW_HOME / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        # Who listens to tasks changes what sensors may do; the tests of lineage have processes of their own.
        "AIRFLOW__OPENLINEAGE__DISABLED": "True",
    }
)
(AIRFLOW_HOME / "dags").mkdir()
