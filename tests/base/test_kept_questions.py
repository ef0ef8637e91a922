"""Statements that are written once and asked again, for other values, people and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.db.models import F, QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Grant, Membership, User, Workspace
from controlplane.access.principals import actor_for_user
from controlplane.lib import clock, defaults, kept
from controlplane.lib.kept import ForReader, Question
from controlplane.work.models import Project
from controlplane.work.services import create_item, create_project
from tests import make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Counted:
    """A function that writes a question, and how often it was called."""

    def __init__(self, build: Any) -> None:
        self.build, self.calls = build, 0

    def __call__(self, *values: Any) -> QuerySet[Any]:
        self.calls += 1
        found: QuerySet[Any] = self.build(*values)
        return found


def people(build: Any) -> tuple[Question[User], Counted]:
    counted = Counted(build)
    return Question(counted), counted


def test_values__others_each_time__answered_for_them_and_written_twice() -> None:
    one, two = make.person(), make.person()
    asked, counted = people(lambda pk: User.objects.filter(pk=pk))
    assert [asked.rows(each.pk) for each in (one, two, one)] == [[one], [two], [one]]
    assert asked.first(two.pk) == two
    assert asked.first(0) is None
    assert counted.calls == 2


def test_kinds_of_values__text_uid_list_and_moment__each_in_its_place() -> None:
    one, two = make.person(), make.person()
    asked, counted = people(
        lambda email, uid, pks, since: User.objects.filter(
            email=email, uid=uid, pk__in=pks, created_at__gte=since
        )
    )
    past = clock.now() - timedelta(days=1)
    for person in (one, two):
        assert asked.rows(person.email, person.uid, [one.pk, two.pk], past) == [person]
        assert asked.rows(person.email, uuid4(), [one.pk, two.pk], past) == []
        assert asked.rows(person.email, person.uid, [one.pk, two.pk], past + timedelta(2)) == []
    assert counted.calls == 2
    assert asked.rows(one.email, one.uid, [one.pk], past) == [one]
    assert counted.calls == 4, "a list of another length is another text"


def test_part_of_a_word__with_signs_of_patterns__means_itself() -> None:
    odd, plain = make.person(name="50%_off\\x"), make.person(name="50XYoffZx")
    asked, counted = people(lambda text: User.objects.filter(name__startswith=text))
    assert asked.rows("50%_off\\") == [odd]
    assert asked.rows("50XY") == [plain]
    assert asked.rows("50%_X") == []
    assert counted.calls == 2


def test_moment__hours_later__of_that_moment() -> None:
    asked, counted = people(
        lambda: User.objects.filter(
            created_at__gte=clock.now() - timedelta(hours=1),
            created_at__date__gte=clock.now().date() - timedelta(days=1),
        )
    )
    with time_machine.travel(NOON, tick=False) as clock_:
        person = make.person()
        User.objects.filter(pk=person.pk).update(created_at=NOON)
        assert person in asked.rows()
        clock_.shift(timedelta(minutes=59))
        assert person in asked.rows()
        clock_.shift(timedelta(minutes=2))
        assert person not in asked.rows()
    assert counted.calls == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda _: User.objects.filter(created_at__lte=clock.now().replace(second=0)),
        lambda _: User.objects.filter(created_at__date__lte=clock.now().date().replace(day=1)),
        lambda _: User.objects.filter(name=str(clock.now())),
        lambda pk: User.objects.filter(pk=pk + 1),
        lambda pk: User.objects.filter(pk__in=list(Membership.objects.filter(user=pk))),
        lambda pk: User.objects.filter(pk__in=[]),
        lambda pk: User.objects.filter(pk=pk).select_for_update(),
    ],
)
def test_what_nobody_can_prove__written_anew_each_time(build: Any) -> None:
    asked, counted = people(build)
    for _ in range(3):
        assert asked.rows(7) == list(build(7))
    assert counted.calls <= 2 + 3, "tried once"
    before = counted.calls
    asked.rows(7)
    assert counted.calls == before + 1


def test_words_for_another_kind_of_column__asked_as_ever() -> None:
    person = make.person()
    asked, _ = people(lambda uid: User.objects.filter(uid=uid))
    aged, _ = people(lambda days: User.objects.filter(pk=person.pk + int(days)))
    for _ in range(2):
        assert asked.rows(str(person.uid)) == [person]
        assert aged.rows("0") == [person]


def test_nobody_known__none_for_a_value__its_own_text() -> None:
    counted = Counted(lambda at: Workspace.objects.filter(archived_at=at))
    asked: Question[Workspace] = Question(counted)
    here = make.workspace()
    assert here in asked.rows(None)
    assert here not in asked.rows(clock.now())
    assert counted.calls == 4


def test_forms_of_rows__values_annotations_and_prefetches__as_django_reads_them() -> None:
    person = make.person(make.workspace(), "governance_validator")
    held: Question[Any] = Question(
        lambda pk: Grant.objects.filter(membership__user=pk).values_list("role", flat=True)
    )
    told: Question[Any] = Question(
        lambda pk: (
            User.objects.filter(pk=pk).annotate(again=F("email")).prefetch_related("memberships")
        )
    )
    read: Question[Any] = Question(lambda pk: User.objects.filter(pk=pk).values("email", "name"))
    for _ in range(2):
        assert held.rows(person.pk) == ["governance_validator"]
        assert read.rows(person.pk) == [{"email": person.email, "name": person.name}]
        (row,) = told.rows(person.pk)
        assert row.again == person.email
        with CaptureQueriesContext(connection) as asked:
            assert len(row.memberships.all()) == 1
        assert not asked.captured_queries


def test_numbers_of_the_playbooks__overridden__hold(monkeypatch: pytest.MonkeyPatch) -> None:
    most = defaults.REGISTERED["cache.library_s"]
    asked, _ = people(lambda: User.objects.order_by("pk")[: most.value])
    for _ in range(3):
        make.person()
    assert len(asked.rows()) >= 3
    monkeypatch.setenv(most.env_name, "1")
    assert len(asked.rows()) == 1


def test_readers__of_the_same_roles__one_text_and_each_their_own() -> None:
    here = make.workspace()
    one, two = (make.person(here, "governance_validator") for _ in range(2))
    counted = Counted(lambda actor, _: User.objects.filter(pk=actor.user_id, email=actor.label))
    asked: ForReader[User] = ForReader(counted)
    for person in (one, two, one):
        assert asked.rows(actor_for_user(person), here.pk) == [person]
    assert counted.calls == 2


def test_stranger__same_question__sees_nothing_of_it() -> None:
    here, there = make.workspace(), make.workspace()
    member = make.person(here, "governance_validator")
    stranger = make.person(there, "governance_validator")
    asked: ForReader[Workspace] = ForReader(
        lambda actor, workspace_id: Workspace.objects.filter(
            pk__in=actor.workspace_ids & {workspace_id}
        )
    )
    assert asked.rows(actor_for_user(member), here.pk) == [here]
    assert asked.rows(actor_for_user(stranger), here.pk) == []
    Grant.objects.filter(membership__user=member).update(revoked_at=clock.now())
    assert asked.rows(actor_for_user(member), here.pk) == [], "rights that ended end at once"


def test_seen__of_an_actor_and_values__each_their_own_and_strangers_nothing() -> None:
    here, there = make.workspace(), make.workspace()
    mine, theirs = (actor_for_user(make.person(each, "workspace_admin")) for each in (here, there))
    for place in (here, there):
        create_project(place, actor=make.JOB, name="Tools", prefix=f"to{place.pk}")
    keys = [f"to{here.pk}", f"to{there.pk}"]

    def found(actor: Any, key: str) -> list[str]:
        asked = kept.seen(
            actor,
            lambda actor, key: Project.objects.visible_to(actor).filter(prefix=key),
            key,
        )
        return [each.prefix for each in asked]

    for _ in range(2):
        assert [found(mine, key) for key in keys] == [[keys[0]], []]
        assert [found(theirs, key) for key in keys] == [[], [keys[1]]]


def test_seen__how_many_as_a_range__part_of_the_text() -> None:
    people = [make.person() for _ in range(4)]
    for many in (1, 3, 1):
        asked = kept.ask(
            lambda pks, most: User.objects.filter(pk__in=pks).order_by("pk")[: len(most)],
            *([each.pk for each in people], range(many)),
        )
        assert asked == people[:many]


def test_padded__lists_of_any_length__few_texts_and_the_same_rows() -> None:
    assert [len(kept.padded(range(many))) for many in (0, 1, 2, 3, 5, 8, 9)] == [
        *(0, 1, 2, 4, 8, 8, 16),
    ]
    rows = [make.person() for _ in range(3)]
    counted = Counted(lambda pks: User.objects.filter(pk__in=pks).order_by("pk"))
    asked: Question[User] = Question(counted)
    assert asked.rows(kept.padded(each.pk for each in rows)) == rows
    assert asked.rows(kept.padded([rows[0].pk, rows[1].pk, rows[2].pk, 0])) == rows
    assert counted.calls == 2


def test_rows_of_another__as_its_own_manager_answers__they_know_it() -> None:
    one, two = (make.person(make.workspace(), "governance_validator") for _ in range(2))
    for person in (one, two, one):
        (row,) = kept.of(person, "memberships", lambda rows: rows.order_by("pk"))
        assert row == person.memberships.get()
        with CaptureQueriesContext(connection) as asked:
            assert row.user is person
        assert not asked.captured_queries
    known = User.objects.prefetch_related("memberships").get(pk=two.pk)
    with CaptureQueriesContext(connection) as asked:
        assert len(kept.of(known, "memberships", lambda rows: rows.all())) == 1
    assert not asked.captured_queries


def test_count__none_one_and_some__a_number() -> None:
    here = make.workspace()
    numbers = []
    for _ in range(3):
        numbers.append(kept.count(lambda here: Membership.objects.filter(workspace=here), here.pk))
        make.person(here, "governance_validator")
    assert numbers == [0, 1, 2]


def test_two_lambdas__that_read_alike__are_two_questions() -> None:
    here = make.workspace()
    person = make.person(here, "governance_validator")
    for _ in range(2):
        people_ = kept.ask(lambda pk: User.objects.filter(pk=pk), person.pk)
        places = kept.ask(lambda pk: Workspace.objects.filter(pk=pk), here.pk)
        assert (people_, places) == ([person], [here])


def test_lambda__that_sees_more_than_its_values__refused() -> None:
    outside = make.workspace()
    with pytest.raises(TypeError):
        kept.ask(lambda: Workspace.objects.filter(pk=outside.pk))


def test_texts__more_than_a_process_keeps__the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", len(kept._texts) + 1)
    questions = [people(lambda pk: User.objects.filter(pk=pk))[0] for _ in range(3)]
    for each in questions * 2:
        assert each.rows(0) == []
    assert len(kept._texts) <= kept.MOST


def test_texts__the_ones_asked_for_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    kept.forget()
    monkeypatch.setattr(kept, "MOST", 2)
    often, counted = people(lambda pk: User.objects.filter(pk=pk))
    for _ in range(4):
        assert often.rows(0) == []
        assert people(lambda pk: User.objects.filter(pk=pk))[0].rows(0) == []
    assert counted.calls == 2, "written twice, once"


def test_first_pages_of_lists__two_agents_of_a_role__each_sees_what_there_is_now() -> None:
    here, there = make.workspace(), make.workspace()
    project = create_project(here, actor=make.JOB, name="Kept", prefix="kept")
    asked = []
    for number in range(3):
        create_item(project, actor=make.JOB, title=f"Item {number}")
        _, key = make.key(make.agent(here))
        answer = ask("/api/v1/work/ready?limit=50", key)
        assert {row["title"] for row in answer} == {f"Item {each}" for each in range(number + 1)}
        asked.append([row["title"] for row in ask("/api/v1/work/ready?limit=1", key)])
    assert all(len(titles) == 1 for titles in asked)
    _, key = make.key(make.agent(there))
    assert ask("/api/v1/work/ready?limit=50", key) == [], "a stranger of the same role"


def ask(path: str, key: str) -> list[dict[str, Any]]:
    answer = Client().get(path, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_one_of_a_list__kept__its_own_for_each_and_for_strangers_none() -> None:
    here, there = make.workspace(), make.workspace()
    project = create_project(here, actor=make.JOB, name="Kept", prefix="kept")
    items = [create_item(project, actor=make.JOB, title=f"Item {each}") for each in range(3)]
    keys = [make.key(make.agent(here))[1] for _ in range(2)]
    stranger = make.key(make.agent(there))[1]
    for item in (*items, items[0]):
        path = f"/api/v1/work/items/{item.key}"
        for key in keys:
            answer = Client().get(path, headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, answer.json()["title"]) == (200, item.title)
        assert (
            Client().get(path, headers={"Authorization": f"Bearer {stranger}"}).status_code == 404
        )
    create_item(project, actor=make.JOB, title="Item 3")
    listed = ask("/api/v1/work/items?limit=50", keys[0])
    assert {row["title"] for row in listed} == {f"Item {each}" for each in range(4)}
    assert ask("/api/v1/work/items?limit=50", stranger) == []
