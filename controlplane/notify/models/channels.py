"""Places and gateways outside, and how each fares."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.lib import clock, sealed
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets
from controlplane.notify.models.faring import Faring

SEALED_FOR = "channel-secret"
GATEWAYS = ("sms", "voice")  # carry to people; news for "every channel" is not for them


class Channel(Faring):
    """A place outside that messages of a workspace can go to, or a gateway that carries them to
    people's telephones."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack incoming webhook"
        TEAMS = "teams", "Microsoft Teams webhook"
        WEBHOOK = "webhook", "Signed webhook"
        PAGERDUTY = "pagerduty", "PagerDuty Events v2"
        SMS = "sms", "Text message gateway"
        VOICE = "voice", "Telephone gateway"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # What may be seen. What opens a door is in `secret_sealed`.
    target = models.CharField(max_length=300, blank=True)
    secret_sealed = models.TextField(blank=True, editable=False)
    # What its kind needs beside an address and a secret, see `channels.KINDS`.
    options = models.JSONField(default=dict, blank=True)
    urgencies = models.JSONField(default=list, blank=True)  # [] = every urgency
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("name"), name="channel_name_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()})"

    @property
    def secret(self) -> str:
        return sealed.unseal(self.secret_sealed, SEALED_FOR)
