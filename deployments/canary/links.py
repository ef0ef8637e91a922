"""Where a rollout's pages are."""

from __future__ import annotations

from urllib.parse import urlencode

from deployments.flags.models import Flag
from deployments.models import Deployment, Rollout

LIST = "/admin/deployments/rollout/"


def page_of(rollout: Rollout) -> str:
    return f"{LIST}{rollout.pk}/change/"


def button(rollout: Rollout, name: str) -> str:
    return f"{LIST}{rollout.pk}/do/{name}/"


def plan_of(rollout: Rollout) -> str:
    """The form of a plan that has not begun."""
    return f"{LIST}{rollout.pk}/plan/"


def trying(rollout: Rollout) -> str:
    """What its source answers now."""
    return f"{LIST}{rollout.pk}/try/"


def posting(rollout: Rollout) -> str:
    """Where its baseline and figures are typed in."""
    return f"{LIST}{rollout.pk}/figures/"


def completing(rollout: Rollout) -> str:
    return f"{LIST}{rollout.pk}/complete/"


def planning(
    *, flag: Flag | None = None, place: str = "", deployment: Deployment | None = None
) -> str:
    """The form of a new plan, with what is known already."""
    asked = {
        "flag": flag.flag_name if flag is not None else "",
        "environment": place,
        "deployment": deployment.ref if deployment is not None else "",
    }
    given = urlencode({name: value for name, value in asked.items() if value})
    return f"{LIST}add/?{given}" if given else f"{LIST}add/"
