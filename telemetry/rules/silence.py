"""Who keeps news of an alert quiet for a while. Packages above put themselves here: maintenance
windows know what is being worked on.

An alert that is kept quiet fires like any other, in the list, on its page and in the history; what
it lacks is the news. Each look asks again, so whoever kept it quiet has nothing to hand back: when
nobody does any more and it still fires, the news leaves then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from telemetry.models import AlertRule, RuleState

logger = logging.getLogger(__name__)
# Whose series are slugs of services; agents run as services of their name.
_BY_SERVICE = frozenset({"service", "agent"})
_PROBED = ("service.up", "code")
# Who breaks in and what is lost is news whoever works on what.
_ALWAYS_TOLD = frozenset({"security", "data"})


@dataclass(frozen=True, slots=True)
class Concern:
    """What an alert is about. Without services: the whole; without environments: the one that
    people work with."""

    workspace_id: int
    services: tuple[str, ...]
    environments: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Quiet:
    """Who keeps it quiet, in words, and where that is told."""

    by: str
    link: str = ""


Keeper = Callable[[Concern], "Quiet | None"]
KEEPERS: list[Keeper] = []


def register(keeper: Keeper) -> Keeper:
    if keeper not in KEEPERS:
        KEEPERS.append(keeper)
    return keeper


def kept(rule: AlertRule, state: RuleState, at: datetime) -> Quiet | None:
    """Who keeps this alert quiet now. Of the installation nobody keeps anything quiet, and a keeper
    that fails keeps nothing: news too many is the smaller harm."""
    if state.workspace_id is None or str(rule.labels.get("category", "")) in _ALWAYS_TOLD:
        return None
    asked = concern(rule, state.series, state.workspace_id, at)
    for keeper in KEEPERS:
        try:
            with transaction.atomic():
                found = keeper(asked)
        except Exception:
            logger.exception("nobody could say whether %s is kept quiet", rule.slug)
            continue
        if found is not None:
            return Quiet(found.by[:200], found.link[:200])
    return None


def concern(rule: AlertRule, series: str, workspace_id: int, at: datetime) -> Concern:
    services = tuple(rule.filters.get("service", ()))
    places = tuple(rule.filters.get("env", ()))
    if series and (rule.group_by in _BY_SERVICE or (rule.measure, rule.group_by) == _PROBED):
        services = (series,)
    if series and rule.group_by == "env":
        places = (series,)
    return Concern(workspace_id, services, places, at)
