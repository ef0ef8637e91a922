"""How fresh the second factor of whoever signs has to be."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.principals import actor_for_user
from controlplane.approvals import services
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed
from tests import make
from tests.kit.approvals import ask, now_of, policy, sign, slot

pytestmark = pytest.mark.django_db

# --- How fresh the second factor is -------------------------------------------------------------


def aged(user: Any, minutes: float) -> Actor:
    return actor_for_user(user, second_factor_at=clock.now().timestamp() - minutes * 60)


@pytest.mark.parametrize("verdict", ["approved", "rejected", "changes_requested"])
def test_fresh_factor__where_the_policy_asks(verdict: str) -> None:
    here = make.workspace()
    user = make.person(here, "release_manager")
    strict = policy(here, slot("release", "release_manager"), fresh_factor_minutes=15)
    request = ask(here, policy=strict)
    for stale in (aged(user, 16), actor_for_user(user)):
        assert [view.may for view in services.may_sign(stale, request)] == [True]
        with pytest.raises(NotAllowed, match="last 15 minutes") as refused:
            sign(request, stale, verdict)
        assert refused.value.error_code == "SECOND_FACTOR_REQUIRED"
        assert refused.value.details["confirm"] == "/access/confirm/"
        assert refused.value.denial
        assert refused.value.denial["rule"] == "fresh_factor"
    assert now_of(request).status == "open"
    assert sign(request, aged(user, 14), verdict).status == verdict


def test_fresh_factor__is_of_the_request__and_shipped_for_production() -> None:
    here = make.workspace()
    user = make.person(here, "release_manager")
    strict = policy(here, slot("release", "release_manager"), fresh_factor_minutes=5)
    asked = ask(here, policy=strict)
    services.change_policy(strict, actor=make.JOB, fresh_factor_minutes=0)
    with pytest.raises(NotAllowed):
        sign(asked, aged(user, 6))
    assert sign(ask(here, policy=strict), aged(user, 600)).status == "approved"
    shipped = {one.slug: one.fresh_factor_minutes for one in services.ensure_policies(here)}
    wanted = {
        "flag_change": 0, "hotfix": 15, "production_push": 15,
        "deployment_tier_1": 0, "deployment_tier_3": 15, "deployment_hotfix": 15,
    }  # fmt: skip
    assert shipped == {**shipped, **wanted}


def test_fresh_factor__stranger__is_told_of_the_role_first() -> None:
    here = make.workspace()
    strict = policy(here, slot("release", "release_manager"), fresh_factor_minutes=5)
    stranger = make.person(here, "viewer")
    with pytest.raises(NotAllowed, match="Needs Release manager"):
        sign(ask(here, policy=strict), aged(stranger, 60))


@pytest.mark.parametrize("minutes", [-1, 1.5, True, "5", 1_441])
def test_fresh_factor__that_is_no_number_of_minutes__is_refused(minutes: Any) -> None:
    with pytest.raises(Invalid):
        policy(make.workspace(), fresh_factor_minutes=minutes)
