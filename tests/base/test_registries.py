"""Registries hold one entry per name; every table with people or time in it is in one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from controlplane.access.models import User
from controlplane.base import registries
from controlplane.base.data_rules import Person, PersonalData, personal_data, retention
from controlplane.base.registries import AuditRule, PaletteAction, Registry, Verdict
from controlplane.lib.ids import uuid7
from tests import make

# Field names that hold something about a person wherever they stand.
PERSONAL = frozenset(
    ("email", "name", "full_name", "first_name", "last_name", "phone", "address", "browser")
) | {"handle", "user_agent", "ip", "last_used_from", "actor_label"}


def palette(slug: str, label: str = "Go") -> PaletteAction:
    return PaletteAction(slug, label, "/", "workspace.view")


@given(st.lists(st.text(min_size=1), unique=True))
def test_registry__keeps_entries_in_order_by_slug(slugs: list[str]) -> None:
    registry: Registry[PaletteAction] = Registry("tests")
    entries = [registry.register(palette(slug)) for slug in slugs]
    assert list(registry) == entries
    assert len(registry) == len(slugs)
    assert all(registry.get(entry.slug) is entry for entry in entries)
    assert all(slug in registry for slug in slugs)


def test_registry__another_entry_of_the_slug__refused_the_same_again_is_not() -> None:
    registry: Registry[PaletteAction] = Registry("tests")
    registry.register(palette("a"))
    registry.register(palette("a"))
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(palette("a", "Else"))
    assert len(registry) == 1


def test_verdict__nobody_registered__not_applicable_never_green() -> None:
    assert registries.verdict("tests.none", 1).status == "not_applicable"


def test_verdict__registered__asked(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = AuditRule("tests.rule", "A rule", lambda workspace_id: Verdict("ok", str(workspace_id)))
    monkeypatch.setitem(registries.audit_rules._entries, rule.slug, rule)
    assert registries.verdict("tests.rule", 7) == Verdict("ok", "7")


def test_personal_data__kept_without_a_reason__refused() -> None:
    with pytest.raises(ValueError, match="why it is kept"):
        PersonalData("tests", ("access.user",), "names")


# --- Completeness -----------------------------------------------------------------------------


def tables() -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy:  # those of migrations in SQL too
            yield model


def has_personal_data(model: type[models.Model]) -> bool:
    for field in model._meta.concrete_fields:
        if field.related_model is User:
            return True
        if field.name in PERSONAL:
            return True
    return model is User


def is_time_bound(model: type[models.Model]) -> bool:
    """It gains rows as time goes: some column says when a row came or went."""
    return any(isinstance(field, models.DateTimeField) for field in model._meta.concrete_fields)


# Django's own bookkeeping: names of tables and rights, written by migrations only.
STOCK = frozenset({"contenttypes.contenttype", "auth.permission", "auth.group"})


def test_every_table_with_personal_data__is_registered_or_says_why_not() -> None:
    known = {label.lower() for entry in personal_data for label in entry.models}
    missing = [
        model._meta.label_lower
        for model in tables()
        if has_personal_data(model) and model._meta.label_lower not in known | STOCK
    ]
    assert not missing, f"register in base.data_rules.personal_data: {missing}"


def test_every_time_bound_table__has_a_retention_class() -> None:
    known = {label.lower() for entry in retention for label in entry.models}
    missing = [
        model._meta.label_lower
        for model in tables()
        if is_time_bound(model) and model._meta.label_lower not in known | STOCK
    ]
    assert not missing, f"register in base.data_rules.retention: {missing}"


def test_every_entry__names_tables_that_exist() -> None:
    labels = {model._meta.label_lower for model in tables()}
    for entry in [*personal_data, *retention]:
        assert {label.lower() for label in entry.models} <= labels, entry.slug


def test_every_table__in_one_retention_class_only() -> None:
    named = [label.lower() for entry in retention for label in entry.models]
    assert len(named) == len(set(named))


def test_exports__own_rows_without_secrets_and_nobody_elses(db: None) -> None:
    here = make.workspace()
    ada = make.person(here, "viewer", email="ada@example.org")
    make.person(here, "viewer", email="bob@example.org")
    person = Person(ada.pk, ada.email, ada.name)
    told = ""
    for entry in personal_data:
        if entry.export is not None:
            told += str(list(entry.export(person)))
    assert "ada@example.org" in told
    assert "bob@example.org" not in told
    assert ada.password not in told


def test_exports__of_somebody_unknown__empty_but_valid(db: None) -> None:
    nobody = Person(10**9, f"{uuid7()}@example.org", "")
    for entry in personal_data:
        if entry.export is not None:
            assert not list(entry.export(nobody)), entry.slug
