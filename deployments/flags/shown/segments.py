"""What a segment says, and how many flags use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection

from deployments.flags.models import Segment
from deployments.flags.shown import words

_USES = """
SELECT state.workspace_id, used.slug #>> '{}', count(DISTINCT state.flag_id)
FROM feature_flags_flagstate AS state
JOIN feature_flags AS flag ON flag.id = state.flag_id AND flag.archived_at IS NULL
CROSS JOIN LATERAL jsonb_path_query(state.settings, '$.rules[*].segments[*]') AS used (slug)
WHERE state.workspace_id = ANY(%s)
GROUP BY 1, 2
"""


def used_by(segments: Iterable[Segment]) -> dict[tuple[int, str], int]:
    """By workspace and slug: how many living flags have a rule with it, in one question."""
    places = sorted({each.workspace_id for each in segments})
    if not places:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_USES, [places])
        return {(workspace, slug): count for workspace, slug, count in cursor.fetchall()}


def names(workspace_id: int, settings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the segments that these settings name are called, by slug."""
    slugs = {
        str(slug)
        for each in settings
        for rule in each.get("rules") or ()
        if isinstance(rule, Mapping)
        for slug in rule.get("segments") or ()
    }
    if not slugs:
        return {}
    rows = Segment.objects.filter(workspace=workspace_id, slug__in=slugs)
    return dict(rows.values_list("slug", "name"))


def says(segment: Segment) -> str:
    said = [words.constraint(each) for each in segment.constraints]
    more = len(said) - 2
    shown = " and ".join(said[:2])
    return f"{shown} and {more} more conditions" if more > 0 else shown
