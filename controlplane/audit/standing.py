"""Where one event stands in the chain: waiting, sealed and intact, or not what was sealed.

The proof of the whole log is `proof`; this answers for one row of a page, with a few reads by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection

from controlplane.audit.models import AuditEvent, AuditPending, AuditSeal
from controlplane.audit.proof import LEAF

# Seals are made within seconds of their events; so far behind the first candidate is the last.
_NEAR = 200
_COMPUTED = f"SELECT {LEAF} FROM audit_auditevent e WHERE e.id = %s"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Standing:
    state: Literal["waiting", "sealed", "broken", "unsealed"]
    words: str
    seal: int | None = None
    sealed_at: datetime | None = None


def of(event: AuditEvent) -> Standing:
    computed = _computed(event)
    if computed != bytes(event.leaf):
        return Standing("broken", "This row was altered after it was written.")
    if AuditPending.objects.filter(event_id=event.pk).exists():
        return Standing("waiting", "It waits for its seal, which comes within seconds.")
    seal = _seal_of(event)
    if seal is None:
        return Standing("unsealed", "No seal holds this event: run the proof of the whole log.")
    if _leaf_in(seal, event.pk) != computed:
        words = f"Seal {seal.n} holds another leaf for this event: it is not what was sealed."
        return Standing("broken", words, seal.n, seal.at)
    words = "Its leaf, computed anew from the row, is the one that was sealed."
    return Standing("sealed", words, seal.n, seal.at)


def _computed(event: AuditEvent) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(_COMPUTED, [event.pk])
        row = cursor.fetchone()
    return bytes(row[0]) if row else b""


def _seal_of(event: AuditEvent) -> AuditSeal | None:
    """No index serves "which seal holds this id", but seals are numbered in time: look for the
    first one made after the event by halves, by key, and from there onwards."""
    newest = AuditSeal.objects.order_by("-n").values_list("n", flat=True).first()
    low, high = 1, newest or 0
    while low < high:
        middle = (low + high) // 2
        at = AuditSeal.objects.filter(n__gte=middle).order_by("n").values_list("at", flat=True)
        found = at.first()
        if found is not None and found < event.at:
            low = middle + 1
        else:
            high = middle
    near = AuditSeal.objects.filter(n__gte=low, n__lt=low + _NEAR, kind=AuditSeal.Kind.BATCH)
    holding = near.extra(where=["ids @> %s::bigint"], params=[event.pk])
    seal: AuditSeal | None = holding.order_by("n").first()
    return seal


def _leaf_in(seal: AuditSeal, event_id: int) -> bytes:
    place = 0
    for first, last in seal.ids:
        if first <= event_id <= last:
            place += event_id - first
            return bytes(seal.leaves)[32 * place : 32 * place + 32]
        place += last - first + 1
    return b""
