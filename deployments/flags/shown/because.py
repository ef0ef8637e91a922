"""What a flag says to one context and why, asked of the rows themselves: nothing of a cache, and
of the flags it needs no more than these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployments.flags.documents import to_document
from deployments.flags.engine import Ruleset, compile
from deployments.flags.engine.explaining import Explanation
from deployments.flags.models import FlagState, Segment


def explain(state: FlagState, context: Mapping[str, Any], *, now: datetime) -> Explanation:
    return ruleset_of(state).explain(state.flag.flag_name, context, now=now)


def ruleset_of(state: FlagState) -> Ruleset:
    wanted = [str(each.get("flag", "")) for each in state.settings.get("requires") or ()]
    rows: list[FlagState] = [state]
    if wanted:
        others = FlagState.objects.filter(
            environment=state.environment_id, flag__flag_name__in=wanted, flag__archived_at=None
        )
        rows += others.exclude(pk=state.pk).select_related("flag")
    slugs = {
        str(slug)
        for row in rows
        for rule in row.settings.get("rules") or ()
        for slug in rule.get("segments") or ()
    }
    segments: list[Segment] = []
    if slugs:
        segments = list(Segment.objects.filter(workspace=state.workspace_id, slug__in=slugs))
    return compile(to_document(((row.flag, row) for row in rows), segments))
