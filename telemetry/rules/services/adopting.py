"""The shipped rules, as rows. A row that nobody changed follows the release."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from telemetry.models import AlertRule
from telemetry.rules import shipped
from telemetry.rules.shipped import form


def adopt(known: Iterable[AlertRule] | None = None) -> int:
    """Make what is missing and bring up to date what nobody changed; returns how many. `known`:
    the shared rules, where the caller has read them already."""
    rows = list(AlertRule.objects.shipped()) if known is None else known
    by_slug = {row.slug: row for row in rows if row.workspace_id is None}
    behind = [slug for slug, values in shipped.RULES.items() if _is_behind(by_slug, slug, values)]
    missing = [
        AlertRule(slug=slug, shipped_mark=form.mark_of(values), **values)
        for slug, values in shipped.RULES.items()
        if slug not in by_slug
    ]
    # Another process may be first: its rows are the same.
    AlertRule.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing) + sum(_follow(slug) for slug in behind if slug in by_slug)


def _is_behind(by_slug: dict[str, AlertRule], slug: str, values: dict[str, Any]) -> bool:
    row = by_slug.get(slug)
    if row is None:
        return True
    return row.shipped_mark != form.mark_of(values) and is_untouched(row)


def is_untouched(row: AlertRule) -> bool:
    """Whether it still says what some release shipped."""
    return form.mark_of(form.content(row)) == row.shipped_mark


@transaction.atomic
def _follow(slug: str) -> int:
    """The row as this release ships it, unless somebody changed or removed it meanwhile."""
    values = shipped.RULES[slug]
    row = AlertRule.objects.shipped().select_for_update().filter(slug=slug).first()
    if row is None or not is_untouched(row):
        return 0
    AlertRule.objects.filter(pk=row.pk).update(
        **values, shipped_mark=form.mark_of(values), version=row.version + 1
    )
    return 1
