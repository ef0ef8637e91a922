"""Policies that every workspace starts with. An app that asks ships its own from `apps.py`;
a workspace changes them as it likes, and what it changed stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.approvals import numbers


@dataclass(frozen=True, slots=True)
class Shipped:
    slug: str
    name: str
    slots: Sequence[Mapping[str, Any]]
    about: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)  # order, target_minutes, …


SHIPPED: dict[str, Shipped] = {}


def ship(
    slug: str, name: str, *, slots: Sequence[Mapping[str, Any]], about: str = "", **fields: Any
) -> Shipped:
    policy = Shipped(slug, name, slots, about, fields)
    if SHIPPED.setdefault(slug, policy) != policy:
        raise ValueError(f"approval policy {slug} is shipped twice")
    return policy


def slot(slug: str, title: str, *roles: str, count: int = 1, requester_may: bool = False) -> Any:
    return {
        "slug": slug,
        "title": title,
        "roles": list(roles),
        "count": count,
        "requester_may": requester_may,
    }


ship(
    "flag_change",
    "Change of a feature flag",
    about="A change of a flag where the environment asks for consent.",
    slots=[slot("release", "Release", "release_manager", "engineering_lead")],
    escalate_to=["engineering_lead", "vp_engineering"],
)
ship(
    "hotfix",
    "Hotfix",
    about="An urgent repair of production. The Engineering Lead is asked first.",
    slots=[slot("lead", "Engineering lead or on-call", "engineering_lead", "primary_operator")],
    target_minutes=30,
    expires_minutes=24 * 60,
    escalate_to=["vp_engineering", "cto"],
    fresh_factor_minutes=numbers.FRESH_FACTOR.value,
)
ship(
    "production_push",
    "Push to production",
    about="The Release Manager approves every push to production.",
    slots=[slot("release", "Release manager", "release_manager")],
    escalate_to=["engineering_lead", "vp_engineering"],
    fresh_factor_minutes=numbers.FRESH_FACTOR.value,
)
