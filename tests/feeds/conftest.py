"""Properties run under the profile of tests/strategies.py."""

from hypothesis import settings

import tests.strategies  # noqa: F401  (registers the profile)

settings.load_profile("stockwatch")
