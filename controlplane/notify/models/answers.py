"""What a person may answer to a message, and what came back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets
from controlplane.notify.models.channels import Channel
from controlplane.notify.models.contacts import Contact
from controlplane.notify.models.methods import ContactMethod
from controlplane.notify.models.news import Delivery, Notification


class AnswerLink(models.Model):
    """Leave for one person to answer one piece of news without signing in, until it ends.

    The addresses of its buttons are made from its uid, see `notify.answers`; nothing secret is
    kept. `code` is what stands in a text message, for a reply that says which one it is about."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # Made by the thousand with the calls they belong to: looked for by what stands in `Meta` only.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    # One of the two: somebody with an account, or somebody of the contact book.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="answer_links", db_index=False
    )
    subject = models.CharField(max_length=120)  # audit ref of what is answered
    verbs = models.JSONField(default=list)  # names registered with `notify.answers`
    code = models.CharField(max_length=8)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=120, blank=True)  # it was revoked
    used_at = models.DateTimeField(null=True, blank=True)  # last
    used_verb = models.CharField(max_length=60, blank=True)
    used_by = models.CharField(max_length=10, blank=True)  # link | sms | voice
    objects = querysets.LinkQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["notification", "person"], name="answer_link_once"),
            models.UniqueConstraint(
                fields=["notification", "contact"],
                condition=Q(contact__isnull=False),
                name="answer_link_once_a_contact",
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=False, contact=None)
                | Q(person=None, contact__isnull=False),
                name="answer_link_of_one",
            ),
        ]
        indexes = [
            models.Index(
                fields=["person", "-id"], name="answer_link_open", condition=Q(revoked_at=None)
            ),
            models.Index(
                fields=["contact", "-id"],
                name="answer_link_contact",
                condition=Q(revoked_at=None, contact__isnull=False),
            ),
            models.Index(
                fields=["subject"], name="answer_link_subject", condition=Q(revoked_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.verbs)} {self.subject}"

    @property
    def whom(self) -> str:
        """As whom it answers, in words for its reader."""
        if self.person is not None:
            return str(self.person.email)
        return str(self.contact.name) if self.contact is not None else ""


class Reply(models.Model):
    """What somebody sent back by text message or by the keys of a telephone, and what we said."""

    class Result(models.TextChoices):
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        HELP = "help", "Help"
        STRANGER = "stranger", "Stranger"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+")
    # The gateway's own id of the message: brought twice, it is one reply.
    provider_id = models.CharField(max_length=120)
    sender = models.CharField(max_length=40)
    text = models.CharField(max_length=500, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    contact_method = models.ForeignKey(
        ContactMethod, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="+")
    link = models.ForeignKey(AnswerLink, null=True, on_delete=models.SET_NULL, related_name="+")
    result = models.CharField(max_length=10, choices=Result.choices)
    answer = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=clock.now)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "replies"
        constraints = [
            models.UniqueConstraint(fields=["channel", "provider_id"], name="reply_once")
        ]

    def __str__(self) -> str:
        return f"{self.channel.get_kind_display()} from {self.sender[:3]}…{self.sender[-2:]}"
