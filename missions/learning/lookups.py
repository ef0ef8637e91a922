"""Look-ups in the library, remembered for a day and forgotten with every change of it.

What is remembered is the published part only, of one workspace, as plain values: whoever may see
the library there may see all of it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Avg, Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from controlplane.base.cache import LIBRARY, cached, forget
from missions.models import Asset, AssetUse, Feedback

MOST = 50
MOST_WORDS = 200
_COLUMNS = (
    "uid", "title", "summary", "category", "tags", "status", "number", "published_at", "used",
    "rating",
)  # fmt: skip


def with_counts(rows: Any) -> Any:
    """Beside each asset how many missions used it, and how these were rated."""
    uses = AssetUse.objects.filter(asset=OuterRef("pk")).order_by()
    counted = uses.values("asset").annotate(n=Count("pk")).values("n")
    rated = (
        Feedback.objects.given()
        .filter(mission__asset_uses__asset=OuterRef("pk"))
        .order_by()
        .values("mission__asset_uses__asset")
        .annotate(mean=Avg("rating"))
        .values("mean")
    )
    return rows.annotate(used=Coalesce(Subquery(counted), 0), rating=Subquery(rated))


def find(
    workspace_id: int, words: str = "", *, category: str = "", tags: Iterable[str] = (),
    most: int = 20,
) -> list[dict[str, Any]]:  # fmt: skip
    """Published assets that say these words, the nearest first; without words the most used."""
    said, named, many = words.strip()[:MOST_WORDS], sorted(set(tags)), min(max(most, 1), MOST)
    asked = json.dumps([said, category, named, many])
    name = hashlib.sha256(asked.encode()).hexdigest()[:32]
    found: list[dict[str, Any]] = cached(
        f"library:{workspace_id}:{name}",
        int(LIBRARY.value),
        lambda: _find(workspace_id, said, category, named, many),
    )
    return found


def _find(
    workspace_id: int, words: str, category: str, tags: list[str], most: int
) -> list[dict[str, Any]]:
    rows = Asset.objects.of(workspace_id).published()
    if category:
        rows = rows.filter(category=category)
    if tags:
        rows = rows.filter(tags__contains=tags)
    rows = rows.found(words) if words else rows
    counted = with_counts(rows)
    ordered = counted if words else counted.order_by("-used", "-id")
    return [_plain(row) for row in ordered.values(*_COLUMNS)[:most]]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    rating, at = row["rating"], row["published_at"]
    uses = row.pop("used")
    return {
        **row,
        "uses": uses,
        "uid": str(row["uid"]),
        "rating": None if rating is None else round(float(rating), 2),
        "published_at": at.isoformat() if at is not None else None,
    }


def changed(workspace_id: int) -> None:
    """What was remembered of this workspace's library is dropped once the change is there."""
    forget(f"library:{workspace_id}:")


def known(workspace_id: int, uids: Iterable[str]) -> Any:
    """Published assets that these names mean; what is no uid means none."""
    found = []
    for each in uids:
        try:
            found.append(uuid.UUID(str(each)))
        except ValueError:
            continue
    return Asset.objects.of(workspace_id).filter(~Q(number=0), uid__in=found)
