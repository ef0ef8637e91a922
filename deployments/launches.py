"""What must hold before a go-live. Each line wants evidence; who signs stands in the policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from controlplane.approvals.shipped import ship, slot
from controlplane.base.states import Step, TransitionTable

OWNER = "deployments.launch"
POLICY = "launch_sign_off"


class Line(NamedTuple):
    slug: str
    title: str
    evidence: str  # what shows it


class Shown(NamedTuple):
    """What the portal itself knows of a line: what is missing, or what shows that it holds."""

    missing: list[str]
    label: str
    link: str


# Whoever keeps what a line speaks of says how it stands in a workspace: no hand ticks it then.
SHOWN: dict[str, Callable[[int], Shown]] = {}


def show(slug: str, look: Callable[[int], Shown]) -> None:
    if SHOWN.setdefault(slug, look) is not look:
        raise ValueError(f"two show {slug}")


def standing(slug: str, workspace_id: int) -> Shown | None:
    """None: people say how it stands."""
    look = SHOWN.get(slug)
    return look(workspace_id) if look is not None else None


LINES = (
    Line(
        "functional-acceptance",
        "Functional acceptance criteria passed",
        "The acceptance test's report, or the items that were accepted.",
    ),
    Line("security", "Security checks passed", "The report of the checks, or the review."),
    Line(
        "alerting",
        "Alerting configured and tested",
        "A test alert that went all the way to a person.",
    ),
    Line("runbooks", "Runbooks published", "Where they are, and when they were drilled."),
    Line(
        "pilot",
        "Pilot with primary users done",
        "Who took part and what they said. They sign below.",
    ),
)

ship(
    POLICY,
    "Sign-off of a launch",
    about="Product, platform and security sign that the launch may go, and a primary user.",
    slots=[
        slot("product", "Product owner", "product_manager", "head_of_product", "product_vp"),
        slot("platform", "Platform engineer", "engineering_lead", "sre_liaison"),
        slot("security", "Security owner", "security_lead"),
        slot("users", "Primary user", "mission_owner", "product_partner", "primary_operator"),
    ],
    target_minutes=3 * 24 * 60,
    expires_minutes=14 * 24 * 60,
    escalate_to=["vp_engineering"],
)

_CANCEL = Step("launch.manage", "Cancel", primary=False)
LAUNCH = TransitionTable(
    "deployments.Launch",
    initial="preparing",
    steps={
        "preparing": {
            "signing": Step("launch.manage", "Ask for signatures"),
            "cancelled": _CANCEL,
        },
        "signing": {
            "signed": Step(None, "Signed off"),
            "preparing": Step("launch.manage", "Back to preparing", primary=False),
            "cancelled": _CANCEL,
        },
        "signed": {"preparing": Step("launch.manage", "Open it again", primary=False)},
    },
)
