"""Fixtures shared by all. Rows are built by `tests.make`, through the same services users reach."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings as hypothesis_settings

hypothesis_settings.register_profile(
    "default", max_examples=40, deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis_settings.load_profile("default")
pytest.register_assert_rewrite("tests.make", "tests.kit")
