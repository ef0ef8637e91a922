"""The contact book: whom to call for what, with or without an account."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.access.models.people import known_time_zone
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.lib.ids import uuid7
from controlplane.notify import numbers, querysets


class Contact(models.Model):
    """Somebody to call: a role's lead, a specialist, a partner, with or without an account."""

    class Family(models.TextChoices):
        ROLE = "role", "Role"
        SPECIALIST = "specialist", "Specialist"
        PARTNER = "partner", "Partner"

    class Days(models.TextChoices):
        ALL = "all", "Every day"
        WORKING = "mon_fri", "Monday to Friday"
        SIX = "mon_sat", "Monday to Saturday"
        SUNDAY_ON = "sun_thu", "Sunday to Thursday"
        WEEKEND = "weekend", "Saturday and Sunday"

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
    coverage = models.CharField(max_length=120, blank=True)  # in words: "24/5, in English"
    # When they can be called, on clocks of their own. No times: at any.
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    days = models.CharField(max_length=10, choices=Days.choices, default=Days.ALL)
    from_time = models.TimeField(null=True, blank=True)
    until_time = models.TimeField(null=True, blank=True)  # before `from_time`: past midnight
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
            ),
            models.CheckConstraint(
                condition=Q(from_time=None, until_time=None)
                | Q(from_time__isnull=False, until_time__isnull=False)
                & ~Q(from_time=F("until_time")),
                name="contact_hours_have_length",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.purpose})"

    @property
    def number(self) -> str:
        """As it is dialled; "" where what stands in the book can't be."""
        try:
            return numbers.dialled(self.phone) if self.phone else ""
        except Invalid:
            return ""
