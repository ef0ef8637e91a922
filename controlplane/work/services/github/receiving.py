"""One delivery: proved, taken once, stored, told on the items it is about.

The repository named in the body only chooses whose secret to try; nothing is believed before the
signature over the body as it came is right. The id of a delivery is not signed, so a repeat under
another id may get through: everything below is written so that hearing it twice changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from controlplane.lib import actors, clock, strictjson
from controlplane.lib.errors import Invalid, Unauthorized
from controlplane.work.models import GithubSource, HookDelivery
from controlplane.work.services.github import payloads, telling
from controlplane.work.services.github.sources import note_refused, secret_of

logger = logging.getLogger(__name__)
ACTOR = actors.job("work.github")
# One repository may be known in several workspaces, each with a secret of its own.
_MOST_SOURCES = 50
_SIGNATURE = "sha256="


class Received(NamedTuple):
    outcome: str
    repeated: bool = False


def receive(*, event: str, delivery: str, signature: str, body: bytes) -> Received:
    """What became of it. Raises `Unauthorized` when no secret of ours signed it."""
    payload = strictjson.loads(body, max_bytes=max(len(body), 1))
    repository = payloads.repository_of(payload)
    source = _proved(repository, signature, body)
    with transaction.atomic():
        taken = _take(source, delivery, event)
        if taken is None:
            return Received("repeated", repeated=True)
        outcome = _heed(source, event, payload)
        taken.outcome = outcome[:200]
        taken.save(update_fields=["outcome"])
        GithubSource.objects.filter(pk=source.pk).update(last_at=clock.now())
    return Received(outcome)


def _proved(repository: str, signature: str, body: bytes) -> GithubSource:
    found = GithubSource.objects.filter(repository__iexact=repository, is_active=True)
    sources = list(found.select_related("project").order_by("pk")[:_MOST_SOURCES])
    sent = signature.removeprefix(_SIGNATURE).lower()
    right: GithubSource | None = None
    # All of them, always: how long it takes tells nothing of which secret came near.
    for source in sources or [None]:
        secret = secret_of(source) if source is not None else b"nobody"
        made = hmac.new(secret, body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(made.encode(), sent.encode()) and source is not None:
            right = right or source
    if right is not None:
        return right
    if sources:
        note_refused(sources)
    logger.warning("a delivery of GitHub's was refused: its signature is wrong")
    raise Unauthorized("The signature is not right for this repository.")


def _take(source: GithubSource, delivery: str, event: str) -> HookDelivery | None:
    """None: it was heard before, or is being heard this moment by another."""
    try:
        with transaction.atomic():
            return HookDelivery.objects.create(
                source=source, delivery=delivery[:100], event=event[:60]
            )
    except IntegrityError as error:
        if "work_delivery_once" not in str(error):
            raise
        return None


def _heed(source: GithubSource, event: str, payload: Any) -> str:
    if event == "ping":
        return "pong"
    word = payloads.read(event, payload, clock.now())
    if word is None:
        return "ignored: no event we listen to"
    if not word.outside_id:
        raise Invalid("The delivery lacks a field.", details={"id": "Missing."})
    return telling.tell(source, word, actor=ACTOR)
