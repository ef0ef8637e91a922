"""Which secrets the installation runs on, how old each is, and which are due: never a value.
Those of a workspace, which lie in a vault, stand in a register of its own (`catalog.vault`).

When a secret was changed is told by `CONTROLPLANE_SECRETS_ROTATED`, beside the secrets
themselves, since the portal cannot see it. What nobody dated is due at once: an age that nobody
knows is no young age.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings

from controlplane.base import registries
from controlplane.catalog.models import VaultSecret
from controlplane.jobs import watch
from controlplane.lib import clock, defaults

ROTATE_DAYS = defaults.define(
    "access.rotate_secrets_days", 90, unit="days", why="secrets rotate quarterly"
)
# name in the environment, setting, what it is for, whose duty
SECRETS: tuple[tuple[str, str, str, str], ...] = (
    (
        "SECRET_KEY",
        "SECRET_KEY",
        "signs sessions and links; others derive from it",
        "security lead",
    ),
    ("CONTROLPLANE_SIGNING_KEY", "SIGNING_KEY", "signs agents' tokens", "security lead"),
    ("CONTROLPLANE_AUDIT_SEAL_KEY", "AUDIT_SEAL_KEY", "seals the audit log", "security lead"),
    (
        "CONTROLPLANE_PSEUDONYM_KEY",
        "PSEUDONYM_KEY",
        "turns user ids in logs into pseudonyms",
        "privacy officer",
    ),
    ("CONTROLPLANE_METRICS_TOKEN", "METRICS_TOKEN", "opens /metrics to the scraper", "SRE liaison"),
    ("DATABASE_URL", "", "the application's way into the database", "database lead"),
)


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    purpose: str
    owner: str
    own: bool  # set by itself, not derived from SECRET_KEY
    rotated: date | None
    today: date

    @property
    def due(self) -> date | None:
        if self.rotated is None:
            return None
        return self.rotated + timedelta(days=ROTATE_DAYS.value)

    @property
    def overdue(self) -> bool:
        return self.due is None or self.due <= self.today

    @property
    def age_days(self) -> int | None:
        return None if self.rotated is None else (self.today - self.rotated).days


def lines() -> list[Line]:
    today = clock.now().date()
    return [
        Line(
            name,
            purpose,
            owner,
            own=not setting or bool(getattr(settings, setting)),
            rotated=_day(settings.SECRETS_ROTATED.get(name, "")),
            today=today,
        )
        for name, setting, purpose, owner in SECRETS
    ]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


@watch.probe("console.secrets")
def overdue_secrets() -> Iterator[watch.Finding]:
    """Only in production: elsewhere secrets are made at the first start and guard a demo."""
    if not settings.PRODUCTION:
        return
    for line in lines():
        if line.own and line.overdue:
            age = "nobody says since when" if line.rotated is None else f"{line.age_days} days old"
            yield watch.Finding(
                "secret",
                line.name,
                f"{line.name} is due to be changed ({age}); its owner is the {line.owner}.",
                critical=False,
            )


def _kept(workspace_id: int) -> registries.Verdict:
    """The workspace's, and of the whole installation's, whichever workspace asks, a count."""
    noted = VaultSecret.objects.filter(workspace=workspace_id)
    if not settings.PRODUCTION and not noted.kept().exists():
        text = "No production: its secrets guard a trial. None of a vault is noted."
        return registries.Verdict("not_applicable", text)
    late = noted.due().count()
    if settings.PRODUCTION:
        late += sum(line.own and line.overdue for line in lines())
    if late:
        some = "1 secret is" if late == 1 else f"{late} secrets are"
        text = f"{some} due to be changed, or nobody says since when it is there."
        return registries.Verdict("failing", text, value=late)
    return registries.Verdict("ok", "Every secret is younger than its time.", value=0)


registries.audit_rules.register(
    registries.AuditRule("console.secrets", "Secrets are changed in time", _kept)
)
