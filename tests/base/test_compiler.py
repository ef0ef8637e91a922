"""Statements are written by the portal's compiler as Django's writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.backends.postgresql import compiler as django
from django.db.models import Count, F, Model, QuerySet, Value

from controlplane.access.models import Grant, User
from controlplane.base.database import compiler as ours
from missions.models import Mission
from tests import make

MODELS = sorted(apps.get_models(), key=lambda model: model._meta.label)


def written(kind: Any, rows: QuerySet[Any]) -> tuple[Any, ...]:
    made = kind(rows.query.clone(), connection, "default")
    text, parameters = made.as_sql()
    columns = [(each[0], each[2]) for each in made.select]
    converters = made.get_converters([each[0] for each in made.select])
    info = facts(made.klass_info)
    return text, tuple(parameters), columns, info, made.annotation_col_map, converters


def facts(info: Any) -> Any:
    """Without its functions, which are made anew each time."""
    if isinstance(info, list):
        return [facts(each) for each in info]
    if not isinstance(info, dict):
        return None if callable(info) and not isinstance(info, type) else info
    return {name: facts(value) for name, value in info.items()}


def shapes(model: type[Model]) -> Iterator[QuerySet[Any]]:
    rows = model._base_manager.all()
    pk = model._meta.pk.name
    related = [field.name for field in model._meta.fields if field.is_relation]
    yield rows
    yield rows.order_by(f"-{pk}")[:7]
    yield rows.order_by(F(pk).desc(nulls_last=True))
    yield rows.select_related(*related).order_by(pk) if related else rows.reverse()
    yield rows.only(pk)
    yield rows.defer(model._meta.concrete_fields[-1].name).order_by("?")
    yield rows.values_list(pk, flat=True).order_by(pk)
    yield rows.annotate(written_here=Value(1)).order_by("written_here", pk)
    yield rows.values(pk).annotate(counted_here=Count("pk")).order_by("-counted_here")
    yield rows.filter(pk__in=rows.order_by(pk).values("pk")[:3]).distinct().order_by(pk)
    yield rows.order_by().union(rows.order_by()).order_by(pk)


@pytest.mark.slow
def test_every_model__any_shape__the_same_statement() -> None:
    same(MODELS)


def test_a_few_models__any_shape__the_same_statement() -> None:
    same([User, Grant, Mission])


def same(models: Iterable[type[Model]]) -> None:
    for model in models:
        for number, rows in enumerate(shapes(model)):
            expected = written(django.SQLCompiler, rows)
            assert written(ours.SQLCompiler, rows) == expected, (model, number)
            assert written(ours.SQLCompiler, rows) == expected, (model, number, "again")


@pytest.mark.django_db
def test_rows__with_what_they_refer_to__as_stored() -> None:
    person = make.person(make.workspace(), "governance_validator")
    grant = Grant.objects.select_related("membership__user").get(membership__user=person)
    assert grant.membership.user == person
    assert grant.membership.user.uid == person.uid
    assert User.objects.only("email").get(pk=person.pk).name == person.name
    assert not Mission.objects.select_related("owner").exists()


def test_connection__as_the_portal_makes_it__writes_with_it() -> None:
    made = User.objects.all().query.get_compiler("default")
    assert type(made) is ours.SQLCompiler
