"""Policies: who must consent to what. Shipped ones are there; workspaces change them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.approvals import services, shipped
from controlplane.approvals.models import Policy
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make
from tests.kit.approvals import ask, person, policy, sign, slot

pytestmark = pytest.mark.django_db


def test_workspace__starts_with_the_shipped_ones() -> None:
    here = make.workspace()
    assert set(Policy.objects.of(here).values_list("slug", flat=True)) == set(shipped.SHIPPED)
    flag = services.policy_of(here, "flag_change")
    assert flag.slots == [
        {
            "slug": "release",
            "title": "Release",
            "roles": ["release_manager", "engineering_lead"],
            "count": 1,
            "requester_may": False,
        }
    ]
    assert (flag.target_minutes, flag.expires_minutes, flag.remind_at) == (240, 10_080, [50])


def test_new_workspace__is_told_of_in_one_statement_for_each_kind() -> None:
    with CaptureQueriesContext(connection) as asked:
        here = make.workspace()
    inserts = [each for each in asked if each["sql"].startswith("INSERT INTO audit_auditevent")]
    assert len(inserts) == 4  # itself, its environments, its project, its policies
    told = AuditEvent.objects.filter(workspace_id=here.pk, action="approval.manage")
    assert told.count() == len(shipped.SHIPPED)
    assert {(event.after or {})["slug"] for event in told} == set(shipped.SHIPPED)
    assert all(event.details == {"added": True} for event in told)


@pytest.mark.parametrize("role", ["engineering_lead", "primary_operator"])
def test_hotfix__by_the_lead_or_whoever_is_on_call__never_ones_own(role: str) -> None:
    here = make.workspace()
    asker = person(here, role)
    request = ask(here, policy="hotfix", actor=asker.actor)
    with pytest.raises(NotAllowed, match="You asked"):
        sign(request, asker)
    with pytest.raises(NotAllowed, match="Needs"):
        sign(request, person(here, "release_manager"))
    assert sign(request, person(here, role)).status == "approved"


def test_production_push__by_the_release_manager_alone() -> None:
    here = make.workspace()
    request = ask(here, policy="production_push")
    for role in ("engineering_lead", "cto", "workspace_admin"):
        with pytest.raises(NotAllowed):
            sign(request, person(here, role))
    assert sign(request, person(here, "release_manager")).status == "approved"


def test_co_sign__two_people_on_the_same_packet() -> None:
    here = make.workspace()
    pair = policy(here, slot("gv", "governance_validator"), slot("oc", "operations_command"))
    request = ask(here, policy=pair)
    both = person(here, "governance_validator", "operations_command")
    sign(request, both)
    assert services.may_sign(both.actor, request)[1].refusal == "you have signed already"
    done = sign(request, person(here, "operations_command"))
    assert done.status == "approved"
    assert set(done.decisions.values_list("sha256", flat=True)) == {request.sha256}


def test_define_and_change__by_admins_and_compliance() -> None:
    here = make.workspace()
    for role in ("release_manager", "engineering_lead", "viewer"):
        actor = person(here, role).actor
        with pytest.raises(NotAllowed):
            services.define_policy(here, "own", actor=actor, name="Own", slots=[slot("a", "legal")])
    made = services.define_policy(
        here, "own", actor=person(here, "compliance").actor, name="Own", slots=[slot("a", "legal")]
    )
    with pytest.raises(Conflict, match="already"):
        policy(here, slug="own")
    admin = person(here, "workspace_admin").actor
    changed = services.change_policy(made, actor=admin, name="Ours", version=1, reason="Shorter.")
    assert (changed.name, changed.version) == ("Ours", 2)
    with pytest.raises(Conflict, match="Look again"):
        services.change_policy(made, actor=admin, name="Theirs", version=1)
    event = AuditEvent.objects.filter(action="approval.manage").latest("id")
    assert (event.before, event.after, event.reason) == (
        {"name": "Own"}, {"name": "Ours"}, "Shorter.",
    )  # fmt: skip
    stranger = person(make.workspace(), "workspace_admin").actor
    for verb in (services.change_policy, services.retire_policy):
        with pytest.raises(NotAllowed) as refused:
            verb(made, actor=stranger)
        assert refused.value.error_code == "WORKSPACE_MISMATCH"


def test_what_a_workspace_changed__stays() -> None:
    here = make.workspace()
    own = services.policy_of(here, "flag_change")
    services.change_policy(own, actor=make.JOB, target_minutes=60)
    services.retire_policy(own, actor=make.JOB)
    services.ensure_policies(here)
    again = services.policy_of(here, "flag_change")
    assert (again.target_minutes, again.is_active) == (60, False)
    assert services.retire_policy(again, actor=make.JOB, active=True).is_active


SLOT = slot("a", "legal")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"slots": []}, "slots"),
    ({"slots": None}, "slots"),
    ({"slots": "x"}, "slots"),
    ({"slots": {"a": 1}}, "slots"),
    ({"slots": [SLOT, SLOT]}, "slots"),
    ({"slots": ["a"]}, "slots[0]"),
    ({"slots": [{**SLOT, "who": 1}]}, "slots[0]"),
    ({"slots": [{**SLOT, "slug": "A b"}]}, "slots[0].slug"),
    ({"slots": [{**SLOT, "roles": []}]}, "slots[0].roles"),
    ({"slots": [{**SLOT, "roles": ["executor"]}]}, "slots[0].roles"),
    ({"slots": [{**SLOT, "roles": ["nobody"]}]}, "slots[0].roles"),
    ({"slots": [{**SLOT, "roles": "legal"}]}, "slots[0].roles"),
    ({"slots": [{**SLOT, "count": 0}]}, "slots[0].count"),
    ({"slots": [{**SLOT, "count": 21}]}, "slots[0].count"),
    ({"slots": [{**SLOT, "count": True}]}, "slots[0].count"),
    ({"slots": [{**SLOT, "requester_may": 1}]}, "slots[0].requester_may"),
    ({"slots": [slot(f"s{n}", "legal") for n in range(11)]}, "slots"),
    ({"order": "random"}, "order"),
    ({"target_minutes": 0}, "target_minutes"),
    ({"target_minutes": 2.5}, "target_minutes"),
    ({"expires_minutes": -1}, "expires_minutes"),
    ({"remind_at": [0]}, "remind_at"),
    ({"remind_at": [100]}, "remind_at"),
    ({"remind_at": "50"}, "remind_at"),
    ({"remind_at": [1, 2, 3, 4, 5, 6]}, "remind_at"),
    ({"escalate_to": ["executor"]}, "escalate_to"),
    ({"name": ""}, "name"),
    ({"colour": "red"}, "colour"),
]


def test_bad_policy__is_named() -> None:
    here = make.workspace()
    for given, field in BAD:
        values: dict[str, Any] = {"name": "Own", "slots": [SLOT], **given}
        with pytest.raises(Invalid) as refused:
            services.define_policy(here, "own", actor=make.JOB, **values)
        assert list(refused.value.details) == [field], given
    with pytest.raises(Invalid, match="slug"):
        services.define_policy(here, "no slug", actor=make.JOB, name="Own", slots=[SLOT])


def test_shipped__twice_is_a_bug() -> None:
    with pytest.raises(ValueError, match="shipped twice"):
        shipped.ship("hotfix", "Another", slots=[])
