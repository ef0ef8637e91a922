"""What must reach somebody: the outbox, notifications with one delivery per target, channels,
preferences, the inbox and the contact book."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.jobs import leases
from controlplane.lib import clock, sealed
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets

SEALED_FOR = "channel-secret"


class OutboxMessage(leases.Leased):
    """A side effect that must happen: written with the change that wants it, sent by a lease."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    topic = models.CharField(max_length=60)
    key = models.CharField(max_length=200, unique=True)
    payload = models.JSONField(default=dict)
    subject = models.CharField(max_length=120, blank=True)  # audit ref of what it is about
    correlation_id = models.CharField(max_length=128, blank=True)
    objects = querysets.OutboxQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            leases.ready_index("outbox_ready"),
            leases.dead_index("outbox_dead"),
            models.Index(fields=["workspace", "-id"], name="outbox_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class Channel(models.Model):
    """A place outside that messages of a workspace can go to."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack incoming webhook"
        TEAMS = "teams", "Microsoft Teams webhook"
        WEBHOOK = "webhook", "Signed webhook"
        PAGERDUTY = "pagerduty", "PagerDuty Events v2"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # What may be seen. What opens a door is in `secret_sealed`.
    target = models.CharField(max_length=300, blank=True)
    secret_sealed = models.TextField(blank=True, editable=False)
    urgencies = models.JSONField(default=list, blank=True)  # [] = every urgency
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # Health as the last sends saw it: a channel that fails in a row is a finding of the watch.
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    last_ok_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)
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


class Urgency(models.TextChoices):
    LOW = "low", "Low"
    NORMAL = "normal", "Normal"
    CRITICAL = "critical", "Critical"


class Notification(models.Model):
    """One piece of news. Who got it, how and when stands in its deliveries."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=60)
    urgency = models.CharField(max_length=10, choices=Urgency.choices, default=Urgency.NORMAL)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=8000, blank=True)
    link = models.CharField(max_length=300, blank=True)
    about = models.CharField(max_length=120, blank=True)  # audit ref
    note = models.CharField(max_length=300, blank=True)  # why it went to somebody else
    correlation_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="notification_key_unique")
        ]

    def __str__(self) -> str:
        return self.subject


class Method(models.TextChoices):
    INBOX = "inbox", "Inbox"
    EMAIL = "email", "E-mail"
    CHANNEL = "channel", "Channel"


class Delivery(models.Model):
    """One target of a notification, with its own result."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        REJECTED = "rejected", "Rejected"
        DEAD = "dead", "Given up"
        SUPPRESSED = "suppressed", "Suppressed"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries"
    )
    method = models.CharField(max_length=10, choices=Method.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    channel = models.ForeignKey(Channel, null=True, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=200, blank=True)  # of a suppression, delay or refusal
    provider_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True)
    objects = querysets.DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "method", "user"],
                condition=Q(user__isnull=False),
                name="delivery_once_a_person",
            ),
            models.UniqueConstraint(
                fields=["notification", "channel"],
                condition=Q(channel__isnull=False),
                name="delivery_once_a_channel",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, channel=None) | Q(user=None, channel__isnull=False),
                name="delivery_one_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()} to {self.user or self.channel}"

    @property
    def workspace_id(self) -> int:
        return self.notification.workspace_id


class DeliveryAttempt(models.Model):
    """One try, kept: the proof that a message left, or why it did not."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=clock.now)
    outcome = models.CharField(max_length=10)  # accepted | retry | rejected
    status = models.PositiveIntegerField(null=True)  # the receiver's HTTP status, if any
    detail = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at:%Y-%m-%d %H:%M:%S}"


class InboxItem(models.Model):
    """A notification in a person's inbox."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="inbox"
    )
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    objects = querysets.InboxQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "notification"], name="inbox_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="inbox_open", condition=Q(archived_at=None)),
        ]

    def __str__(self) -> str:
        return str(self.notification)

    @property
    def workspace_id(self) -> int:
        return self.notification.workspace_id


class Preference(models.Model):
    """How a person wants a kind of news. Critical news ignores a refusal."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences"
    )
    kind = models.CharField(max_length=60, default="*")  # a notification kind, or all
    method = models.CharField(
        max_length=10, choices=[(m.value, m.label) for m in (Method.INBOX, Method.EMAIL)]
    )
    wanted = models.BooleanField()

    class Meta:
        ordering = ["kind", "method"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "method"], name="preference_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.method}: {'yes' if self.wanted else 'no'}"


class QuietHours(models.Model):
    """When a person is not to be mailed but for critical news, in their own time zone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quiet_hours"
    )
    starts = models.TimeField()
    ends = models.TimeField()
    weekends = models.BooleanField(default=False)  # all of Saturday and Sunday too

    class Meta:
        verbose_name_plural = "quiet hours"
        constraints = [
            models.CheckConstraint(condition=~Q(starts=F("ends")), name="quiet_hours_have_length")
        ]

    def __str__(self) -> str:
        return f"{self.starts:%H:%M} to {self.ends:%H:%M}"


class MessageTemplate(models.Model):
    """A workspace's own wording of a kind of message."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=8000)
    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["kind"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind"], name="template_kind_unique")
        ]

    def __str__(self) -> str:
        return self.kind


class Contact(models.Model):
    """Somebody to call: a role's lead, a specialist, a partner, with or without an account."""

    class Family(models.TextChoices):
        ROLE = "role", "Role"
        SPECIALIST = "specialist", "Specialist"
        PARTNER = "partner", "Partner"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="contacts")
    family = models.CharField(max_length=12, choices=Family.choices, default=Family.ROLE)
    purpose = models.CharField(max_length=60)  # slug: "mission_owner_lead", "openai_support"
    name = models.CharField(max_length=120)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    handle = models.CharField(max_length=80, blank=True)  # "@ops-lead"
    coverage = models.CharField(max_length=120, blank=True)
    notes = models.TextField(max_length=2000, blank=True)
    order = models.PositiveSmallIntegerField(default=0)  # who is tried first
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["family", "purpose", "order", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(user=None, email="", phone="", handle=""),
                name="contact_can_be_reached",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.purpose})"
