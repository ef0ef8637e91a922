"""Pages are written ahead, when something on them changed; whoever reads them asks nobody."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import zlib
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from controlplane.jobs import engine
from controlplane.lib import clock
from incidents.models import StatusDocument, StatusPage
from incidents.status import mailing, picture, spoken

logger = logging.getLogger(__name__)


def write(page: StatusPage) -> bool:
    """Whether it says something else than before."""
    now = clock.now()
    drawn = picture.draw(page, now)
    parts = spoken.written(drawn)
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = StatusDocument.objects.filter(page=page).values_list("digest", flat=True).first()
    if known == digest:
        StatusDocument.objects.filter(page=page).update(written_at=now)
        return False
    StatusDocument.objects.update_or_create(
        page=page,
        defaults={
            "digest": digest, "parts": zlib.compress(text.encode()), "changed_at": now,
            "written_at": now,
        },
    )  # fmt: skip
    return True


def work(deadline: float) -> int:
    """Each open page once, the one that waited longest first; what one of them trips over keeps
    back no other, and a page that can't be drawn keeps back no mail."""
    changed = failed = 0
    rows = StatusPage.objects.in_force().order_by(F("document__written_at").asc(nulls_first=True))
    for page in rows:
        if time.monotonic() > deadline:
            break
        for act in (write, mailing.tell):
            try:
                with transaction.atomic():
                    changed += bool(act(page))
            except Exception:
                logger.exception("status page %s was not kept up", page.slug)
                failed += 1
    if failed:
        raise engine.Incomplete(f"{failed} of what status pages need failed: the log says why.")
    return changed


engine.module("status.pages", work, every=timedelta(seconds=10), order=70)
