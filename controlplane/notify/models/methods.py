"""A person's own ways to be reached."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from controlplane.lib import clock, sealed
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets
from controlplane.notify.models.faring import Faring

SEALED_METHOD = "contact-method"


class ContactMethod(Faring):
    """One way to reach one person. It is used once its owner has proven that it is theirs: a
    code went that way and came back."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SMS = "sms", "Text message"
        VOICE = "voice", "Phone call"
        WEBHOOK = "webhook", "Personal webhook"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="contact_methods"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # An address or a number as it is dialled; of a webhook only what tells it from others: who
    # has its address may post there, so that stands in `secret_sealed`.
    target = models.CharField(max_length=254, blank=True)
    secret_sealed = models.TextField(blank=True, editable=False)
    label = models.CharField(max_length=60, blank=True)
    # The account's own address, which signing up has proven already. It follows the account.
    is_account = models.BooleanField(default=False, editable=False)
    position = models.PositiveSmallIntegerField(default=0, editable=False)
    is_active = models.BooleanField(default=True, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # The code that is on its way. Sealed, since the sender has to read it.
    code_sealed = models.TextField(blank=True, editable=False)
    code_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    code_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    codes_sent = models.PositiveSmallIntegerField(default=0, editable=False)
    code_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = querysets.MethodQuerySet.as_manager()

    class Meta:
        ordering = ["user", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "target"],
                condition=Q(is_active=True),
                name="contact_method_once",
            ),
            # Whose text message is it? A number answers for one account.
            models.UniqueConstraint(
                fields=["kind", "target"],
                condition=Q(is_active=True, verified_at__isnull=False, kind__in=["sms", "voice"]),
                name="contact_method_proven_once",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(is_account=True),
                name="contact_method_one_account",
            ),
            models.CheckConstraint(
                condition=Q(is_account=False) | Q(kind="email", is_active=True),
                name="contact_method_account_is_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.masked}"

    @property
    def address(self) -> str:
        """Where to send."""
        if self.is_account:
            return str(self.user.email)
        return self.secret or self.target

    @property
    def secret(self) -> str:
        return sealed.unseal(self.secret_sealed, SEALED_METHOD)

    @property
    def is_verified(self) -> bool:
        return self.is_account or self.verified_at is not None

    @property
    def masked(self) -> str:
        """What others may see of it: enough to tell it from another."""
        shown = str(self.user.email) if self.is_account else self.target
        if self.kind in (self.Kind.SMS, self.Kind.VOICE):
            return f"{shown[:3]}…{shown[-2:]}" if len(shown) > 6 else "…"
        if self.kind == self.Kind.EMAIL:
            name, _, domain = shown.partition("@")
            return f"{name[:1]}…@{domain}"
        return shown
