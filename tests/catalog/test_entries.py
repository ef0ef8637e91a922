"""Environments, services, components, integrations: made, changed, retired; by whom."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.registries import audit_rules, home_rows, palette_actions, verdict
from controlplane.catalog import services, tasks, vocabulary
from controlplane.catalog.models import Component, Environment, Service
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from tests import make
from tests.kit import catalog
from tests.kit.catalog import saw
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


def events(obj: Any) -> Any:
    ref = f"{obj._meta.label_lower}:{obj.pk}"
    return AuditEvent.objects.filter(subject_ref=ref).order_by("id")


# --- Environments -------------------------------------------------------------------------------


def test_new_workspace__has_the_three_environments_with_their_rules() -> None:
    rows = {row.slug: row for row in Environment.objects.filter(workspace=make.workspace())}
    assert list(rows) == ["local", "staging", "production"]
    rules = {
        slug: (row.data_class, row.needs_approval, row.debug_allowed) for slug, row in rows.items()
    }
    assert rules == {
        "local": ("seeded", False, True),
        "staging": ("sanitised", False, True),
        "production": ("real", True, False),
    }
    assert rows["production"].releases_per_week == 3
    assert rows["staging"].data_refresh_days == 7
    assert all(row.purpose and row.update_frequency for row in rows.values())
    assert [event.action for event in events(rows["local"])] == ["catalog.manage"]


def test_workspace_from_elsewhere__furnished_by_the_job_once() -> None:
    bare = Workspace.objects.create(slug="restored", name="Restored")
    assert tasks.furnish() == {"made": 3}
    assert tasks.furnish() == {"made": 0}
    assert Environment.objects.filter(workspace=bare).count() == 3


@pytest.mark.django_db(transaction=True)
def test_furnished_twice_at_once__recorded_once() -> None:
    bare = Workspace.objects.create(slug="bare", name="Bare")
    race(3, lambda n: services.ensure_environments(bare, actor=make.JOB))
    assert Environment.objects.filter(workspace=bare).count() == 3
    made = AuditEvent.objects.filter(workspace_id=bare.pk, action="catalog.manage")
    assert made.count() == 3


def test_real_data__keeps_its_guards_in_words() -> None:
    production = catalog.environment(make.workspace())
    for wrong in ({"debug_allowed": True}, {"needs_approval": False}):
        with pytest.raises(Invalid, match="Where real user data is"):
            services.change_environment(production, actor=make.JOB, **wrong)
    production.refresh_from_db()
    assert (production.needs_approval, production.debug_allowed) == (True, False)


# --- Services -----------------------------------------------------------------------------------


def test_service__made_with_a_ref_and_audited() -> None:
    workspace = make.workspace()
    first, second = (catalog.service(workspace) for _ in range(2))
    assert (first.ref, second.ref) == ("SRV-1", "SRV-2")
    assert [event.after["name"] for event in events(first)] == [first.name]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Not A Slug"),
        ("slug", ""),
        ("name", ""),
        ("name", "x" * 200),
        ("tier", 7),
        ("kind", "spaceship"),
        ("owner_role", "king"),
        ("owner_role", "executor"),
        ("uptime_target", Decimal("100.5")),
        ("uptime_target", Decimal("-1")),
    ],
)
def test_service__bad_input__told_by_field(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        catalog.service(**{field: value})
    assert field in refusal.value.details
    assert not Service.objects.exists()


def test_slug__once_per_workspace_in_any_case() -> None:
    workspace = make.workspace()
    catalog.service(workspace, slug="web")
    with pytest.raises(Conflict, match="web already"):
        catalog.service(workspace, slug="web")
    catalog.service(slug="web")


def test_change__versioned_audited_and_of_what_changed_only() -> None:
    service = catalog.service(uptime_target=Decimal("99.9"))
    changed = services.change_service(service, actor=make.JOB, version=1, name="New", tier=2)
    assert (changed.name, changed.version) == ("New", 2)
    assert events(service).last().after == {"name": "New"}
    with pytest.raises(Conflict):
        services.change_service(service, actor=make.JOB, version=1, name="Late")
    same = services.change_service(changed, actor=make.JOB, uptime_target=Decimal("99.900"))
    assert same.version == 2
    for field in ("slug", "status", "workspace", "ref", "nonsense"):
        changes: dict[str, Any] = {field: "x"}
        with pytest.raises(Invalid):
            services.change_service(service, actor=make.JOB, **changes)


def test_retire_and_back__by_the_table() -> None:
    service = catalog.service()
    services.retire_service(service, actor=make.JOB, reason="replaced")
    with pytest.raises(InvalidTransition):
        services.retire_service(service, actor=make.JOB)
    assert events(service).last().reason == "replaced"
    services.restore_service(service, actor=make.JOB)
    assert service.status == "active"


# --- Components, integrations -------------------------------------------------------------------


def test_component__of_a_service_of_another_workspace__refused() -> None:
    workspace, foreign = make.workspace(), catalog.service()
    with pytest.raises(Invalid, match="another workspace"):
        services.add_component(workspace, actor=make.JOB, slug="web", name="Web", service=foreign)
    own = services.add_component(workspace, actor=make.JOB, slug="web", name="Web")
    with pytest.raises(Invalid, match="another workspace"):
        services.change_component(own, actor=make.JOB, service=foreign)
    probe = catalog.probe()
    with pytest.raises(Invalid, match="another workspace"):
        services.add_probe(foreign, probe.environment, actor=make.JOB)


def test_component__switched_off_stays_for_the_record() -> None:
    service = catalog.service()
    component = services.add_component(
        service.workspace, actor=make.JOB, slug="api", name="API", service=service, kind="schema"
    )
    off = services.switch_component(component, actor=make.JOB, active=False, reason="merged")
    assert (off.is_active, off.version) == (False, 2)
    assert events(component).last().reason == "merged"


def test_integration__changed_and_switched_off() -> None:
    row = catalog.integration(kind="toolkit")
    assert row.ref == "INT-1"
    changed = services.change_integration(row, actor=make.JOB, owner_role="sre_liaison")
    assert changed.owner_role == "sre_liaison"
    off = services.switch_integration(row, actor=make.JOB, active=False, reason="unused")
    assert not off.may_call
    with pytest.raises(Invalid):
        services.change_integration(row, actor=make.JOB, status="open")


# --- Strangers ----------------------------------------------------------------------------------


def test_strangers__change_nothing() -> None:
    service, row = catalog.service(), catalog.integration()
    workspace = service.workspace
    elsewhere = make.actor(make.person(make.workspace(), "workspace_admin"))
    viewer = make.actor(make.person(workspace, "viewer"))
    agent = make.actor(make.agent(workspace, role="coordinator"))
    production = catalog.environment(workspace)
    before = AuditEvent.objects.count()
    for actor in (elsewhere, viewer, agent):
        for attempt in (
            lambda: services.register_service(workspace, actor=actor, slug="x", name="X"),  # noqa: B023
            lambda: services.change_service(service, actor=actor, name="Mine"),  # noqa: B023
            lambda: services.retire_service(service, actor=actor),  # noqa: B023
            lambda: services.add_component(workspace, actor=actor, slug="x", name="X"),  # noqa: B023
            lambda: services.add_integration(workspace, actor=actor, slug="x", name="X"),  # noqa: B023
            lambda: services.switch_integration(row, actor=actor, active=False),  # noqa: B023
            lambda: services.add_probe(service, production, actor=actor),  # noqa: B023
            lambda: services.change_environment(production, actor=actor, name="Mine"),  # noqa: B023
            lambda: services.ensure_environments(workspace, actor=actor),  # noqa: B023
        ):
            with pytest.raises(NotAllowed):
                attempt()
    assert AuditEvent.objects.count() == before
    assert not Component.objects.exists()


# --- What is handed to the shared parts ---------------------------------------------------------


def test_rule__first_tier_needs_a_probe_in_production() -> None:
    workspace = make.workspace()
    assert audit_rules.get("catalog.watched") is not None
    assert verdict("catalog.watched", workspace.pk).status == "not_applicable"
    service = catalog.service(workspace, tier=1)
    blind = verdict("catalog.watched", workspace.pk)
    assert (blind.status, service.slug in blind.text) == ("attention", True)
    catalog.probe(service, where="staging")
    assert verdict("catalog.watched", workspace.pk).status == "attention"
    catalog.probe(service)
    assert verdict("catalog.watched", workspace.pk).status == "ok"


def test_home__down_services_of_ones_own_workspaces() -> None:
    probe = saw(catalog.probe(down_after=1), "-")
    entry = home_rows.get("catalog.down")
    assert entry is not None
    mine = make.actor(make.person(probe.workspace, "viewer"))
    theirs = make.actor(make.person(make.workspace(), "viewer"))
    [row] = entry.rows(mine, probe.workspace_id)
    assert probe.service.name in row.title
    assert str(probe.service.uid) in row.url
    assert entry.rows(theirs, None) == []


def test_palette__leads_to_the_pages() -> None:
    browser = make.client(make.person(make.workspace(), "viewer"))
    pages = [entry for entry in palette_actions if entry.slug.startswith("catalog.")]
    assert len(pages) == 4
    for entry in pages:
        assert browser.get(entry.url, follow=True).status_code == 200


def test_backoff__the_playbooks_numbers() -> None:
    policy = vocabulary.retry_policy()
    assert (policy["delays_s"], policy["tries"]) == ([1, 2, 4, 8], 5)
    assert policy["breaker"]["opens_after_failures_in_a_row"] == 3
    assert len(vocabulary.OPERATIONS) == 6


@pytest.mark.slow
def test_demo__furnished_through_the_services(settings: Any, tmp_path: Any) -> None:
    settings.STATE_DIR = tmp_path
    for _ in range(2):
        call_command("seed_demo", stdout=io.StringIO(), stderr=io.StringIO())
    demo = Workspace.objects.get(slug="demo")
    assert Service.objects.filter(workspace=demo).count() >= 5
    assert verdict("catalog.watched", demo.pk).status in {"ok", "attention"}
    portal = Service.objects.get(workspace=demo, kind="portal")
    assert portal.probes.get().url == "/health"
