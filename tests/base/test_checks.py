"""Start-up refuses what production must not run without, and admin classes that forget."""

from __future__ import annotations

from io import StringIO
from typing import Any, ClassVar

import pytest
from django.contrib.admin.filters import SimpleListFilter
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from controlplane.base import checks
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.models import Signal
from controlplane.base.site import ConsoleSite
from controlplane.console.management.commands import prepare


@pytest.fixture
def production(settings: Any) -> Any:
    settings.PRODUCTION = True
    settings.DEBUG = False
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.PUBLIC_URL = "https://portal.example.org"
    settings.METRICS_TOKEN = "long and random"
    settings.LOGGING = {"root": {"level": "INFO"}, "loggers": {"x": {"level": "WARNING"}}}
    return settings


def found() -> set[str | None]:
    messages = [
        *checks.debug_is_off_in_production(),
        *checks.tls_in_production(),
        *checks.metrics_are_not_public(),
    ]
    return {message.id for message in messages}


def test_production__complete__nothing_to_say(production: Any) -> None:
    assert found() == set()


def test_prepare__wrong_setting_in_production__stops_the_release(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers start without asking the checks: the step before them does."""
    production.LOGGING = {"root": {"level": "DEBUG"}}
    ran: list[str] = []

    def run(name: str, *args: Any, **options: Any) -> Any:
        ran.append(name)
        return call_command(name, *args, **options) if name == "check" else None

    monkeypatch.setattr(prepare, "call_command", run)
    with pytest.raises(SystemCheckError, match=r"base\.E002"):
        call_command("prepare", stdout=StringIO())
    assert ran == ["check"]


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("DEBUG", True, "base.E001"),
        ("LOGGING", {"root": {"level": "DEBUG"}}, "base.E002"),
        ("LOGGING", {"loggers": {"controlplane": {"level": "debug"}}}, "base.E002"),
        ("LOGGING", {"loggers": {"controlplane": {"level": 10}}}, "base.E002"),
        ("SECURE_SSL_REDIRECT", False, "base.E003"),
        ("SECURE_HSTS_SECONDS", 60, "base.E004"),
        ("CSRF_COOKIE_SECURE", False, "base.E005"),
        ("PUBLIC_URL", "http://portal.example.org", "base.E006"),
        ("METRICS_TOKEN", "", "base.E007"),
    ],
)
def test_production__one_thing_wrong__named(
    production: Any, name: str, value: Any, number: str
) -> None:
    setattr(production, name, value)
    assert found() == {number}
    production.PRODUCTION = False
    assert found() == set()


# --- Admin classes ----------------------------------------------------------------------------


def ids_of(admin_class: type[ModelAdmin[Any]], model: Any = Signal) -> set[str | None]:
    messages: list[CheckMessage] = admin_class(model, ConsoleSite()).check()
    return {message.id for message in messages}


class Good(ModelAdmin[Signal]):
    view_action = "signal.view"
    list_filter: ClassVar[Any] = ("state", "workspace", "created_at")


def test_admin__declared__passes() -> None:
    assert ids_of(Good) == set()


def test_admin__no_view_action__refused() -> None:
    class Forgetful(ModelAdmin[Signal]):
        pass

    assert "portal.E001" in ids_of(Forgetful)


def test_admin__unknown_action__refused_also_on_buttons() -> None:
    class Wrong(Good):
        @button(label="Go", action="signal.fly")
        def go(self, request: Any, obj: Any, reason: str) -> None: ...

    class WrongView(Good):
        view_action = "signal.look"

    assert "portal.E002" in ids_of(Wrong)
    assert "portal.E002" in ids_of(WrongView)


def test_admin__rows_without_scope__refused() -> None:
    from django.contrib.contenttypes.models import ContentType

    class Unscoped(ModelAdmin[ContentType]):
        view_action = "signal.view"

    assert "portal.E003" in ids_of(Unscoped, ContentType)


def test_admin__filter_over_free_text__refused_a_written_one_is_not() -> None:
    class Slow(Good):
        list_filter = ("kind",)

    class Deep(Good):
        list_filter = ("workspace__slug",)

    class ByHand(SimpleListFilter):
        title, parameter_name = "kind", "kind"

        def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
            return [("a", "A")]

        def queryset(self, request: Any, queryset: Any) -> Any:
            return queryset

    class Written(Good):
        list_filter = (ByHand,)

    assert "portal.E004" in ids_of(Slow)
    assert "portal.E004" in ids_of(Deep)
    assert ids_of(Written) == set()


@pytest.mark.parametrize("kind", ["add", "change", "delete"])
def test_admin__writes_without_a_service__refused(kind: str) -> None:
    class Writing(Good):
        pass

    setattr(Writing, f"{kind}_action", "signal.replay")
    assert "portal.E005" in ids_of(Writing)
