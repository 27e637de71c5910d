"""Property-based tests: the same few examples every time in ``make test``, many new ones when asked for.

``HYPOTHESIS_PROFILE=thorough`` asks for them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests import AIRFLOW_HOME

# Tables of characters and the like, which would otherwise be put into the checkout.
set_hypothesis_home_dir(AIRFLOW_HOME / "hypothesis")

# Making values of a large schema takes its time, the more so beside other tests; many are too large to keep.
_UNHURRIED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
settings.register_profile(
    "quick", derandomize=True, database=None, deadline=None, max_examples=25, suppress_health_check=_UNHURRIED
)
settings.register_profile(
    "thorough", derandomize=False, database=None, deadline=None, max_examples=500, suppress_health_check=_UNHURRIED
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
