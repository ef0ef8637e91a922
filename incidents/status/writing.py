"""Pages are written ahead, when something on them changed; whoever reads them asks nobody."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from datetime import timedelta

from django.db import transaction

from controlplane.jobs import engine
from controlplane.lib import clock
from incidents.models import StatusDocument, StatusPage
from incidents.status import mailing, picture, spoken


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
    """Each open page once; what one of them trips over keeps back no other."""
    changed = 0
    for page in StatusPage.objects.filter(is_open=True).order_by("pk"):
        if time.monotonic() > deadline:
            break
        with transaction.atomic():
            changed += write(page)
            mailing.tell(page)
    return changed


engine.module("status.pages", work, every=timedelta(seconds=10), order=70)
