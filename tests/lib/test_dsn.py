"""The address of another database on the same server."""

from __future__ import annotations

import pytest

from controlplane.lib.dsn import with_database


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:5432/db?x=1", "postgresql://u:p@h:5432/new?x=1"),
        ("postgresql://u@/db?host=/run", "postgresql://u@/new?host=/run"),
        ("postgresql:///db?host=/run&port=1", "postgresql:///new?host=/run&port=1"),
        ("postgresql://u@h/", "postgresql://u@h/new"),
    ],
)
def test_with_database__all_else_stays(url: str, expected: str) -> None:
    assert with_database(url, "new") == expected
