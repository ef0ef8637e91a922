"""Fixtures shared by all. Rows are built by `tests.make`, through the same services users reach."""

from __future__ import annotations

import os

import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

hypothesis_settings.register_profile(
    "default", max_examples=40, deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis_settings.load_profile("default")
pytest.register_assert_rewrite("tests.make", "tests.kit")


# --- Emptying the database between transactional tests -----------------------------------------
# Django truncates every table; the audit log refuses to be truncated, by triggers that tests of
# the log itself prove. They are lifted for the moment of the flush only.

_GUARDS = (
    ("audit_auditevent", "audit_no_truncate"),
    ("audit_auditseal", "seal_no_truncate"),
)
_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _lift(state: str) -> None:
    with connection.cursor() as cursor:
        for table, trigger in _GUARDS:
            cursor.execute(f"ALTER TABLE {table} {state} TRIGGER {trigger}")


def _emptied(test: TransactionTestCase) -> None:
    _lift("DISABLE")
    try:
        _flush(test)
    finally:
        _lift("ENABLE ALWAYS")


TransactionTestCase._fixture_teardown = _emptied  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def forget_what_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits and caches of API routes start empty in every test."""
    from tests.kit import api

    api.reset(monkeypatch)
