"""States move by their table, once per step, with an audit row; losers of a race hear of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.db import connection, models, transaction
from django.test.utils import isolate_apps
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from controlplane.access import policy
from controlplane.audit.models import AuditEvent
from controlplane.base import states
from controlplane.base.states import Step, TransitionTable
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition, NotAllowed
from tests.kit import (  # noqa: F401 - they register builders
    learning,
    stateful_guarding,
    stateful_incidents,
    stateful_oncall,
    stateful_plans,
    stateful_support,
    stateful_threads,
)
from tests.kit.racing import race
from tests.kit.stateful import BUILDERS, NEEDS

JOB = actors.job("tests")


def person(role: str, workspace: int = 1) -> Actor:
    return Actor("person", f"user:{role}", role, roles={workspace: frozenset({role})})


OPERATOR = person("primary_operator")
VIEWER = person("viewer")
STRANGER = person("primary_operator", workspace=2)

with isolate_apps("controlplane.base"):

    class Lift(models.Model):
        workspace_id = models.BigIntegerField(default=1)
        status = models.CharField(max_length=20, default="waiting")
        version = models.PositiveIntegerField(default=1)
        note = models.CharField(max_length=50, blank=True)
        objects: ClassVar[models.Manager[Lift]] = models.Manager()

        class Meta:
            app_label = "base"

        def __str__(self) -> str:
            return f"lift {self.pk}"


def doors(lift: Any) -> list[str]:
    return ["the doors are open"] if lift.note == "open" else []


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[TransitionTable]:
    table = TransitionTable(
        "base.Lift",
        initial="waiting",
        steps={
            "waiting": {
                "moving": Step("catalog.manage", "Go", gate=doors),
                "broken": (None, "Break down"),
            },
            "moving": {"waiting": ("catalog.manage", "Arrive"), "broken": (None, "Break down")},
            "broken": {"scrapped": ("catalog.trip", "Scrap")},
        },
    )
    yield table
    del states.TABLES["base.lift"]


@pytest.fixture
def lift(db: None) -> Lift:
    make_table()
    return Lift.objects.create()


def make_table() -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Lift)


def events() -> int:
    return AuditEvent.objects.filter(subject_type="base.lift").count()


def test_advance__legal_step__moves_bumps_and_records(lift: Lift) -> None:
    states.advance(lift, "moving", actor=OPERATOR, reason="up", changes={"note": "third floor"})
    stored = Lift.objects.get()
    assert (stored.status, stored.version, stored.note) == ("moving", 2, "third floor")
    assert (lift.status, lift.version) == ("moving", 2)
    event = AuditEvent.objects.get(subject_type="base.lift")
    assert event.action == "catalog.manage"
    assert event.before == {"status": "waiting", "note": ""}
    assert event.after == {"status": "moving", "note": "third floor"}
    assert event.reason == "up"
    assert event.workspace_id == 1


def test_advance__no_such_step__names_the_legal_ones(lift: Lift) -> None:
    with pytest.raises(InvalidTransition) as caught:
        states.advance(lift, "scrapped", actor=OPERATOR)
    assert caught.value.details["legal"] == "moving, broken"
    assert Lift.objects.get().status == "waiting"
    assert events() == 0


@pytest.mark.parametrize("actor", [VIEWER, STRANGER, actors.ANONYMOUS])
def test_advance__wrong_role_or_workspace__refused_unmoved(lift: Lift, actor: Actor) -> None:
    with pytest.raises(NotAllowed) as caught:
        states.advance(lift, "moving", actor=actor)
    assert caught.value.denial is not None
    assert Lift.objects.get().version == 1
    assert events() == 0


def test_advance__step_of_the_portal__people_may_not_jobs_may(lift: Lift) -> None:
    with pytest.raises(NotAllowed):
        states.advance(lift, "broken", actor=OPERATOR)
    assert states.advance(lift, "broken", actor=JOB).status == "broken"
    assert AuditEvent.objects.get(subject_type="base.lift").action == "lift.broken"


def test_advance__gate_open__conditions_named(lift: Lift) -> None:
    Lift.objects.update(note="open")
    lift.refresh_from_db()
    with pytest.raises(GateNotMet) as caught:
        states.advance(lift, "moving", actor=OPERATOR)
    assert caught.value.details["conditions"] == ["the doors are open"]


def test_advance__row_moved_since_read__conflict(lift: Lift) -> None:
    late = Lift.objects.get()
    states.advance(lift, "moving", actor=OPERATOR)
    with pytest.raises(Conflict):
        states.advance(late, "moving", actor=OPERATOR)
    assert events() == 1


def test_advance__same_status_newer_version__conflict(lift: Lift) -> None:
    """A row that went round and came back is not the row the caller saw."""
    late = Lift.objects.get()
    states.advance(lift, "moving", actor=OPERATOR)
    states.advance(lift, "waiting", actor=OPERATOR)
    with pytest.raises(Conflict):
        states.advance(late, "moving", actor=OPERATOR)


def test_advance__outer_rollback__neither_row_nor_record(lift: Lift) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        states.advance(lift, "moving", actor=OPERATOR)
        raise RuntimeError
    assert Lift.objects.get().status == "waiting"
    assert events() == 0


@pytest.mark.parametrize("name", ["status", "version", "id", "nonsense"])
def test_advance__change_of_guarded_column__refused(lift: Lift, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        states.advance(lift, "moving", actor=OPERATOR, changes={name: 5})


def test_advance__expression_as_value__refused(lift: Lift) -> None:
    with pytest.raises(ValueError, match="note"):
        states.advance(lift, "moving", actor=OPERATOR, changes={"note": models.F("status")})


def test_legal__each_step_with_its_refusal(lift: Lift) -> None:
    seen = {step.to: step for step in states.legal(lift, OPERATOR)}
    assert seen["moving"].allowed
    assert seen["broken"].refusal == "only the portal itself does this"
    assert "needs" in {s.to: s for s in states.legal(lift, VIEWER)}["moving"].refusal
    lift.note = "open"
    assert states.legal(lift, OPERATOR)[0].refusal == "the doors are open"
    lift.status = "scrapped"
    assert states.legal(lift, OPERATOR) == []


def test_table__unknown_action_or_unreachable_state__refused() -> None:
    with pytest.raises(ValueError, match="no action"):
        TransitionTable("base.Other", initial="a", steps={"a": {"b": ("no.such", "x")}})
    with pytest.raises(ValueError, match="never reached"):
        TransitionTable("base.Other", initial="a", steps={"b": {"a": (None, "x")}})
    with pytest.raises(ValueError, match="two transition tables"):
        TransitionTable("base.lift", initial="a", steps={"a": {"b": (None, "x")}})


def test_mermaid__draws_every_step(table: TransitionTable) -> None:
    drawing = table.mermaid()
    assert "[*] --> waiting" in drawing
    assert "scrapped --> [*]" in drawing
    assert all(f"{source} --> {to}" in drawing for source, to, _ in table)


# --- Races ------------------------------------------------------------------------------------


@pytest.fixture
def committed_lift(transactional_db: None) -> Iterator[Lift]:
    make_table()
    yield Lift.objects.create()
    with connection.schema_editor() as editor:
        editor.delete_model(Lift)


def test_advance__many_at_once__exactly_one_wins(committed_lift: Lift) -> None:
    before = events()
    seen = [Lift.objects.get() for _ in range(6)]
    results = race(6, lambda n: states.advance(seen[n], "moving", actor=OPERATOR))
    won = [result for result in results if isinstance(result, Lift)]
    lost = [result for result in results if isinstance(result, Conflict)]
    assert (len(won), len(lost)) == (1, 5), results
    stored = Lift.objects.get()
    assert (stored.status, stored.version) == ("moving", 2)
    assert events() == before + 1


# --- Every table, by random walk --------------------------------------------------------------


def walker(made: Any) -> type[RuleBasedStateMachine]:
    """A machine that moves a row anywhere, as anybody, and compares with the table. Each walk
    begins where the row was made, and is rolled back to there."""

    class Walk(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.begin = transaction.savepoint()
            self.row = type(made)._base_manager.get(pk=made.pk)
            self.table = states.table_of(self.row)
            self.expected = (self.row.status, self.row.version)

        @rule(choice=st.randoms(use_true_random=False), as_job=st.booleans())
        def move(self, choice: random.Random, as_job: bool) -> None:
            to = choice.choice(sorted(self.table.states))
            step = self.table.steps.get(self.row.status, {}).get(to)
            actor = JOB if as_job else actors.ANONYMOUS
            stands = step is not None and as_job and not (step.gate and step.gate(self.row))
            try:
                with transaction.atomic():
                    states.advance(self.row, to, actor=actor, changes=self.changes(to))
            except (InvalidTransition, NotAllowed, GateNotMet):
                assert not stands
            else:
                assert stands
                self.expected = (to, self.expected[1] + 1)

        def changes(self, to: str) -> dict[str, Any]:
            needs = NEEDS.get(self.row._meta.label_lower)
            return needs(self.row, to) if needs is not None else {}

        def teardown(self) -> None:
            transaction.savepoint_rollback(self.begin)

        @invariant()
        def the_database_agrees(self) -> None:
            if hasattr(self, "expected"):
                stored = type(self.row)._base_manager.values_list("status", "version")
                assert stored.get(pk=self.row.pk) == self.expected

    return Walk


WALKS = settings(max_examples=6, stateful_step_count=12, deadline=None)
LONG_WALKS = settings(WALKS, max_examples=40)


def test_walk__test_table(lift: Lift) -> None:
    run_state_machine_as_test(walker(Lift.objects.create()), settings=WALKS)


def product_tables() -> list[str]:
    return sorted(label for label in states.TABLES if label != "base.lift")


def walk_every_table(walks: settings) -> None:
    for label in product_tables():
        run_state_machine_as_test(walker(BUILDERS[label]()), settings=walks)


def test_walk__every_product_table__has_a_builder_and_holds(db: None) -> None:
    missing = [label for label in product_tables() if label not in BUILDERS]
    assert not missing, f"no builder in tests/kit for {missing}"
    walk_every_table(WALKS)


@pytest.mark.slow
def test_walk__every_product_table__for_long(db: None) -> None:
    walk_every_table(LONG_WALKS)


@given(st.data())
def test_tables__actions_exist_and_final_states_have_no_way_out(data: st.DataObject) -> None:
    table = states.TABLES[data.draw(st.sampled_from(sorted(states.TABLES)))]
    for _, to, step in table:
        assert step.action is None or step.action in policy.ACTIONS
        assert to in table.reachable()
    assert all(not table.steps.get(state) for state in table.final)
