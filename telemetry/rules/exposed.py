"""Rules on `/metrics`: what the last look at each saw.

    controlplane_rule_value{rule="high-error-rate", workspace="acme", series=""} 1.3
    controlplane_rule_threshold{…} 5
    controlplane_rule_sample{…} 840

The measures are the portal's own, windows and quantiles included; a Prometheus beside it applies
limits and times of the exported rules to them, and pages where the portal can't. Labels are slugs
of rules and workspaces and the values a rule is grouped by, at most a few dozen each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from controlplane.jobs.measures import Values, reading
from controlplane.lib import clock
from telemetry.models import AlertRule, RuleReadings
from telemetry.rules.services.evaluating import every

LABELS = ("rule", "workspace", "series")
# A reading older than this (and than two looks) is of a portal that no longer looks.
FRESH = timedelta(minutes=2)
INSTALLATION = "_installation"
_VALUE, _SAMPLE, _THRESHOLD = 0, 1, 2


def _readings(place: int) -> Iterator[tuple[tuple[str, str, str], float]]:
    now = clock.now()
    rules = {str(rule.pk): rule for rule in AlertRule.objects.on()}
    for kept in RuleReadings.objects.select_related("workspace"):
        if kept.workspace is not None and kept.workspace.archived_at is not None:
            continue
        workspace = kept.workspace.slug if kept.workspace is not None else INSTALLATION
        for key, seen in kept.seen.items():
            rule = rules.get(key)
            if rule is None or now.timestamp() - seen["at"] > _longest(rule).total_seconds():
                continue
            for series, figures in seen["series"].items():
                if figures[_VALUE] is not None and figures[place] is not None:
                    yield (rule.slug, workspace, series), float(figures[place])


def _longest(rule: AlertRule) -> timedelta:
    return max(FRESH, 2 * every(rule))


@reading("controlplane_rule_value", "What a rule's measure last was, by series.", LABELS)
def rule_value() -> Values:
    return _readings(_VALUE)


@reading("controlplane_rule_threshold", "Where a rule's limit last lay.", LABELS)
def rule_threshold() -> Values:
    return _readings(_THRESHOLD)


@reading("controlplane_rule_sample", "How many the rule's figure stands on.", LABELS)
def rule_sample() -> Values:
    return _readings(_SAMPLE)


@reading("controlplane_rules_evaluated_seconds", "How long ago rules were last evaluated.")
def rules_evaluated() -> Values:
    last = RuleReadings.objects.order_by("-at").values_list("at", flat=True).first()
    return [] if last is None else [((), max(0.0, (clock.now() - last).total_seconds()))]
