"""What access does by itself: mails with links, clean-up, the quarterly review."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.urls import reverse

from controlplane.access import numbers, services
from controlplane.access.models import TrustedIssuer, User, Workspace
from controlplane.access.reset_links import TOPIC, tokens
from controlplane.access.services.issuers import refresh_keys
from controlplane.access.services.sessions import close_passed_sessions
from controlplane.access.services.tokens import sweep_revoked
from controlplane.jobs import obligations
from controlplane.jobs.registry import job
from controlplane.lib import actors, clock
from controlplane.lib.errors import ControlPlaneError
from controlplane.notify import outbox
from controlplane.notify.channels.base import Message, Outcome
from controlplane.notify.channels.email import Email
from controlplane.notify.models import OutboxMessage

ISSUERS_A_RUN = 30  # of 3 seconds each at worst: within the job's time
REVIEWER = actors.job("access.reviews")
# Here, and not beside its page: a worker loads no pages.
DUTY = obligations.register(
    "access.quarterly_review",
    title="Review who has access",
    owner_role="security_lead",
    cadence="quarterly",
    evidence="The signed access review of the quarter: each role and key confirmed or revoked.",
    why="People change their work and keep their rights, until somebody asks about each.",
).slug


@outbox.topic(TOPIC)
def deliver_password_link(message: OutboxMessage) -> Outcome:
    """Only here is looked up whether there is such an account. The token is made now and stands
    nowhere but in the mail."""
    user = User.objects.by_email(str(message.payload["email"])).filter(is_active=True).first()
    if user is None:
        return Outcome("accepted", "no such account")
    path = reverse(
        "access:password_reset_link", kwargs={"uid": user.uid, "token": tokens.make_token(user)}
    )
    workspace = str(message.payload.get("invited_to") or "")
    mail = Message(
        key=message.key,
        subject=f"You are invited to {workspace}" if workspace else "Set a new password",
        body=_wording(workspace),
        urgency="normal",
        kind="access.password_link",
        link=f"{settings.PUBLIC_URL}{path}",
        workspace="",
        about="",
        sent_at=clock.now().isoformat(),
    )
    return Email().send(user.email, "", mail)


def _wording(workspace: str) -> str:
    life = f"The link below is good once, for {numbers.RESET_LINK_MINUTES.value} minutes."
    if workspace:
        return (
            f"An admin of {workspace} has added you. {life} Set a password with it. If it has"
            " expired, ask for a new one on the sign-in page."
        )
    return (
        f"Somebody asked for a new password for your account. {life} If it was not you, do"
        " nothing: your password stays as it is."
    )


@job(
    "access.clean_up",
    every=timedelta(minutes=10),
    time_limit=60,
    doc="Closes sessions whose time has passed and forgets revocations of expired tokens.",
)
def clean_up() -> dict[str, int]:
    return {"sessions": close_passed_sessions(), "revoked_tokens": sweep_revoked()}


@job(
    "access.make_reviews",
    every=timedelta(hours=6),
    time_limit=300,
    doc="Makes the quarter's access review of every workspace that has none yet.",
)
def make_reviews() -> dict[str, int]:
    made = 0
    for workspace in Workspace.objects.open().exclude(reviews__period=services.this_period()):
        services.generate_review(workspace, actor=REVIEWER)
        made += 1
    return {"made": made}


def _longest_untried() -> QuerySet[TrustedIssuer]:
    return TrustedIssuer.objects.trusted().order_by(F("tried_at").asc(nulls_first=True))


@job(
    "access.issuer_keys",
    every=timedelta(minutes=15),
    time_limit=120,
    doc="Fetches the public keys of outside token issuers, so that their outage stops nobody.",
)
def issuer_keys() -> dict[str, int]:
    fetched = failed = 0
    for issuer in _longest_untried()[:ISSUERS_A_RUN]:
        try:
            refresh_keys(issuer)
        except ControlPlaneError:
            failed += 1  # noted on the row, and shown there
        else:
            fetched += 1
    return {"fetched": fetched, "failed": failed}
