"""What alerts are judged by is kept by each process, and is never older than what is committed:
whoever changed it, by whatever way, in whatever process."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from controlplane.access.models import Workspace
from controlplane.lib import clock, collecting, prepared
from incidents.intake import sources, storing
from incidents.models import Alert, AlertSource, RoutingRule, Silence
from incidents.records import levels
from incidents.routing import books, rules, silences
from incidents.routing.judging import Judge
from tests import make
from tests.kit import alerts as kit
from tests.kit import catalog


def _elsewhere(work: Callable[[], Any]) -> None:
    """On a connection of its own, as another process would."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    assert failed == []


def _rule_of(source: AlertSource, n: str) -> str:
    """Which rule the next alert meets."""
    kit.tell(source, kit.incoming("Odd", n=n))
    row = Alert.objects.filter(source=source).latest("pk")
    return row.rule.slug if row.rule else ""


def _own(here: Workspace, keeper: Any, opens: str = "nothing") -> RoutingRule:
    return rules.create_rule(
        here, "odd", actor=keeper, title="Odd", opens=opens, position=5, matchers='alertname="Odd"'
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_what_another_process_commits__holds_for_the_next_alert() -> None:
    here = make.workspace()
    keeper = make.actor(make.person(here, "workspace_admin"))
    source = kit.source(here).source
    assert _rule_of(source, n="0") == "critical"
    kept = books.last(here.pk)

    _elsewhere(lambda: _own(here, keeper))
    assert _rule_of(source, n="1") == "odd"
    assert books.last(here.pk) is not kept

    # By another way than a service, too: the database itself counts versions.
    def by_hand() -> None:
        RoutingRule.objects.filter(slug="odd").update(position=99)

    _elsewhere(by_hand)
    assert _rule_of(source, n="2") == "critical"
    _elsewhere(lambda: RoutingRule.objects.filter(slug="odd").delete())
    assert _rule_of(source, n="3") == "critical"

    def quiet() -> None:
        silences.create_silence(
            here, actor=keeper, matchers='alertname="Odd"', comment="Known",
            ends_at=clock.now() + timedelta(hours=1),
        )  # fmt: skip

    _elsewhere(quiet)
    kit.tell(source, kit.incoming("Odd", n="4"))
    assert Alert.objects.latest("pk").silence == Silence.objects.get()


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_what_is_not_committed__holds_for_nobody_else_and_leaves_nothing_behind() -> None:
    here = make.workspace()
    keeper = make.actor(make.person(here, "workspace_admin"))
    source = kit.source(here).source
    assert _rule_of(source, n="0") == "critical"
    found = list[str]()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _own(here, keeper)
        own = Judge.of(source, clock.now()).look(kit.incoming("Odd")).rule
        assert own is not None
        assert own.slug == "odd"  # its own transaction sees it
        _elsewhere(lambda: found.append(_rule_of(source, n="2")))
        raise ZeroDivisionError
    assert found == ["critical"]
    assert _rule_of(source, n="3") == "critical"


@pytest.mark.django_db
def test_book__is_read_once_and_asked_for_each_message(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    source = kit.source(make.workspace()).source
    _rule_of(source, n="0")
    kept = books.last(source.workspace_id)
    with django_assert_num_queries(0):  # what is asked goes past Django's cursors
        kit.tell(source, kit.incoming("Odd", n="0"))
    assert books.last(source.workspace_id) is kept


@pytest.mark.django_db
def test_strangers__rules_silences_and_services_of_other_workspaces_never_hold() -> None:
    here, there = make.workspace(), make.workspace()
    keeper = make.actor(make.person(there, "workspace_admin"))
    mine, theirs = kit.source(here).source, kit.source(there).source
    assert _rule_of(mine, n="0") == _rule_of(theirs, n="0") == "critical"
    _own(there, keeper)
    silences.create_silence(
        there, actor=keeper, matchers='alertname="Odd"', comment="Known",
        ends_at=clock.now() + timedelta(hours=1),
    )  # fmt: skip
    kept = books.last(here.pk)
    assert (_rule_of(mine, n="1"), _rule_of(theirs, n="1")) == ("critical", "odd")
    assert books.last(here.pk) is kept  # nor did it have to read anew
    assert Alert.objects.filter(source=mine, silence__isnull=False).count() == 0


@pytest.mark.django_db
def test_services_and_levels__of_a_workspace_that_change_are_known_at_once() -> None:
    here = make.workspace()
    keeper = make.actor(make.person(here, "workspace_admin"))
    source = kit.source(here).source
    kit.tell(source, kit.incoming("Odd", service="till", n="0"))
    assert Alert.objects.latest("pk").service is None
    row = catalog.service(here, slug="till")
    kit.tell(source, kit.incoming("Odd", service="till", n="1"))
    assert Alert.objects.latest("pk").service == row
    at = clock.now()
    assert books.of(here.pk, at).ranks["sev2"] == 2
    before = books.last(here.pk)
    levels.save_level(here, "incident", "sev2", actor=keeper, title="Bad")
    assert books.of(here.pk, at) is not before
    assert books.of(here.pk, at).ranks["sev2"] == 2


@pytest.mark.django_db
def test_silence_that_comes__holds_from_its_beginning_without_being_read_anew() -> None:
    here = make.workspace()
    keeper = make.actor(make.person(here, "workspace_admin"))
    source = kit.source(here).source
    at = clock.now()
    row = silences.create_silence(
        here, actor=keeper, matchers='alertname="Odd"', comment="Known",
        starts_at=at + timedelta(minutes=5), ends_at=at + timedelta(minutes=10),
    )  # fmt: skip
    for minutes, held in ((0, None), (6, row.pk), (11, None)):
        book = books.of(here.pk, at + timedelta(minutes=minutes))
        judge = Judge.by(book, source, at + timedelta(minutes=minutes))
        assert judge.look(kit.incoming("Odd")).silence == held


@pytest.mark.django_db
@pytest.mark.servers
def test_what_is_known__is_looked_up_by_key_whatever_the_plan_was_made_on() -> None:
    """A plan that is kept from nearly empty tables holds when they are large."""
    source = kit.source(make.workspace()).source
    kit.tell(source, kit.incoming("Odd"))  # this transaction goes by indexes from now on
    statement, values = storing.looking(source, ["a", "b"], ["c"])
    plan = "\n".join(row[0] for row in prepared.rows(f"EXPLAIN {statement}", values))
    assert "alert_history" in plan
    assert "on incidents_incident" in plan, "by whichever of its indexes is the smaller by now"
    assert "Seq Scan" not in plan


@pytest.mark.django_db
def test_source__is_asked_with_each_call_whether_it_stands() -> None:
    here = make.workspace()
    keeper = make.actor(make.person(here, "workspace_admin"))
    made = kit.source(here)
    first = sources.find(made.key)
    assert first == made.source
    assert sources.find(made.key) is first  # kept
    sources.heard(made.source)
    assert sources.find(made.key) is first  # what moves with each call changes nothing
    sources.change_source(made.source, actor=keeper, severity="info")
    assert sources.find(made.key).severity == "info"  # type: ignore[union-attr]
    sources.switch_source(made.source, actor=keeper, on=False, reason="moved")
    assert sources.find(made.key) is None
    sources.switch_source(made.source, actor=keeper, on=True, reason="back")
    other = sources.renew_key(made.source, actor=keeper, reason="shown")
    assert sources.find(made.key) is None
    assert sources.find(other.key) == made.source
    Workspace.objects.filter(pk=here.pk).update(archived_at=clock.now())
    assert sources.find(other.key) is None


def test_collector__waits_for_thousands_and_is_back_whatever_happens() -> None:
    with collecting.waits(10):
        assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collecting.waits(5_000):
        assert not gc.isenabled()
        with collecting.waits(5_000):
            assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
