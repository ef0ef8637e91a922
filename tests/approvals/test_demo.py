"""What the demo shows of approvals, made by the services its people use."""

from __future__ import annotations

import pytest

from controlplane.access.policy import PEOPLE
from controlplane.approvals import demo as story
from controlplane.approvals.models import Delegation, Policy, Request
from controlplane.approvals.services import waiting_for
from controlplane.base.demo import Scene
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_demo__something_in_every_state_that_matters__once() -> None:
    here, there = make.workspace(), make.workspace()
    scene = Scene(here, {role: make.person(here, role) for role in sorted(PEOPLE)})
    for _ in range(2):
        story.approvals(scene)
    states = Request.objects.of(here).order_by("id").values_list("status", flat=True)
    assert list(states) == [
        "open", "approved", "open", "changes_requested", "open", "void", "open",
    ]  # fmt: skip
    half = Request.objects.of(here).get(subject="demo:plan")
    assert list(half.slots.values_list("slug", "signed")) == [("gv", 1), ("oc", 0)]
    revised = Request.objects.get(subject="demo:maintenance", status="open")
    assert (revised.revision, revised.packet["undo"][:12]) == (2, "Set the pool")
    gateway = Request.objects.get(subject="demo:gateway", status="open")
    assert waiting_for(make.actor(scene.people["product_partner"])).get() == gateway
    assert Delegation.objects.of(here).count() == 1
    assert Policy.objects.of(here).filter(slug="plan_packet").exists()
    assert not Request.objects.of(there).exists()
