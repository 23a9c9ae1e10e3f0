"""Properties run under the profile of tests/strategies.py; what stores do is tested on each kind of store."""

from hypothesis import settings

import tests.strategies  # noqa: F401  (registers the profile)
from tests.stores import state_url  # noqa: F401

settings.load_profile("stockwatch")
