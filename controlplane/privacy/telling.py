"""Who is told of policies and erasures, in the transaction of the change."""

from __future__ import annotations

from controlplane.access.models import Membership
from controlplane.notify import wording
from controlplane.notify.services.news import To, notify
from controlplane.privacy.models import DeletionRequest, PrivacyPolicy

OFFICER = ("privacy_officer",)
PAGE = "/access/account/privacy/"

# Messages are kept for a year, so none of them says whose data it was.
wording.register(
    "privacy.policy",
    "A privacy policy was published",
    subject="Privacy policy of {workspace}, version {version}",
    body="{changes}\n\nRead it, and say whether you agree, on your account's page on privacy.",
)
wording.register(
    "privacy.asked",
    "Somebody asked that their data is erased",
    subject="An erasure was asked for, due by {due}",
    body="Asked on {asked}. Nothing goes before {after} UTC: until then it can be withdrawn, and"
    " what they answer for handed over. Hold it where the law wants something kept.",
)
wording.register(
    "privacy.confirmed",
    "Your data will be erased",
    subject="Your data will be erased by {due}",
    body="You, or the privacy officer at your word, asked for it on {asked}. It can be withdrawn"
    " until {after} UTC on your account's page on privacy. Afterwards the portal knows no address"
    " to tell you anything at: this is the last you hear of it.",
)
wording.register(
    "privacy.settled",
    "An erasure was done, held or withdrawn",
    subject="The erasure asked for on {asked}: {state}",
    body="{why}",
)
wording.register(
    "privacy.failed",
    "An erasure failed",
    subject="An erasure failed, it is due by {due}",
    body="{why}\n\nIt is tried again each night.",
)


def published(row: PrivacyPolicy) -> None:
    members = Membership.objects.current().filter(workspace=row.workspace_id)
    notify(
        workspace_id=row.workspace_id,
        kind="privacy.policy",
        to=To(users=list(members.filter(user__is_active=True).values_list("user_id", flat=True))),
        key=f"privacy.policy:{row.uid}",
        values={
            "workspace": row.workspace.name,
            "version": row.version,
            "changes": row.changes or "It replaces the version before it.",
        },
        link=PAGE,
        about=f"privacy.privacypolicy:{row.pk}",
    )


def asked(row: DeletionRequest) -> None:
    _tell(row, "privacy.asked", To(roles=OFFICER), "asked")
    _tell(row, "privacy.confirmed", To(users=[row.person_id]), "confirmed", link=PAGE)


def settled(row: DeletionRequest) -> None:
    """To the officer; to whoever it is about as long as they can be told anything."""
    step = f"{row.status}:{row.version}"
    _tell(row, "privacy.settled", To(roles=OFFICER), step)
    if row.status in {"held", "cancelled"}:
        _tell(row, "privacy.settled", To(users=[row.person_id]), f"{step}:person", link=PAGE)


def failed(row: DeletionRequest) -> None:
    _tell(row, "privacy.failed", To(roles=OFFICER), f"failed:{row.tries}")


def _tell(row: DeletionRequest, kind: str, to: To, step: str, *, link: str = "") -> None:
    notify(
        workspace_id=row.workspace_id,
        kind=kind,
        to=to,
        key=f"privacy.deletion:{row.uid}:{step}",
        values={
            "due": f"{row.due_at:%Y-%m-%d}",
            "asked": f"{row.asked_at:%Y-%m-%d}",
            "after": f"{row.not_before:%Y-%m-%d %H:%M}",
            "state": row.get_status_display().lower(),
            "why": row.held_for or row.last_error or "There is nothing more to do.",
        },
        link=link or f"/admin/privacy/deletionrequest/{row.pk}/change/",
        about=f"privacy.deletionrequest:{row.pk}",
    )
