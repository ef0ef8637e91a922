"""Who was heard of, and what the watch made of it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from controlplane.jobs import watch
from controlplane.jobs.models import Heartbeat
from controlplane.jobs.watch import Finding

SILENT = Finding("component", "beat", "the beat process is silent for 20 s.")


def ago(component: str, seconds: float) -> None:
    Heartbeat.objects.filter(component=component).update(at=Now() - timedelta(seconds=seconds))


def subjects(kind: str) -> set[str]:
    return {finding.subject for finding in watch.verdict() if finding.kind == kind}
