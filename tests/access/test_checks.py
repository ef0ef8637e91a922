"""Settings under which signing in would not be safe do not pass the start-up checks."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access import checks

GOOD = "k3Jd82-fj20fk_2lfQpzmWn38xYbTr61sVhCgLoAeUi57Dq9Xc"


def ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


@pytest.fixture
def production(settings: Any) -> Any:
    settings.PRODUCTION = True
    settings.SECRET_KEY = GOOD
    settings.SESSION_COOKIE_SECURE = True
    settings.REQUIRE_SECOND_FACTOR = True
    return settings


def all_ids() -> list[str]:
    return ids(
        checks.second_factor_in_production()
        + checks.secrets_in_production()
        + checks.sessions_by_https_in_production()
    )


def test_good_settings__pass(production: Any) -> None:
    assert all_ids() == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("REQUIRE_SECOND_FACTOR", False, "access.E001"),
        ("SECRET_KEY", "short", "access.E002"),
        ("SECRET_KEY", "x" * 80, "access.E002"),
        ("SECRET_KEY", "local-only-" + GOOD, "access.E002"),
        ("SIGNING_KEY", "short", "access.E002"),
        ("SESSION_COOKIE_SECURE", False, "access.E003"),
    ],
)
def test_bad_setting__is_an_error_in_production_only(
    production: Any, name: str, value: Any, found: str
) -> None:
    setattr(production, name, value)
    assert all_ids() == [found]
    production.PRODUCTION = False
    assert all_ids() == []


def test_messages__hold_no_secret(production: Any) -> None:
    production.SECRET_KEY = "tiny-secret"
    assert "tiny-secret" not in str(checks.secrets_in_production())
