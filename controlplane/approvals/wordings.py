"""The messages approvals send. A workspace may word them as it likes."""

from __future__ import annotations

from controlplane.notify import wording

wording.register(
    "approval.asked",
    "Your signature is asked for",
    subject="{ref} waits for you: {title}",
    body="Please decide by {due}. It expires at {expires}.",
)
wording.register(
    "approval.reminder",
    "An approval still waits",
    subject="{ref} still waits for you: {title}",
    body="It should be decided by {due}.",
)
wording.register(
    "approval.escalated",
    "An approval is late",
    subject="{ref} is late: {title}",
    body="It should have been decided by {due} and expires at {expires}. Please see that "
    "somebody who may decide it does, or delegate.",
)
wording.register(
    "approval.decided",
    "What you asked for was decided",
    subject="{ref} was {what}: {title}",
    body="{why}",
)
wording.register(
    "approval.ended",
    "An approval ended without an answer",
    subject="{ref} is {what}: {title}",
    body="{why}",
)
wording.register(
    "approval.delegated",
    "You sign for somebody",
    subject="You may sign {ref} for {what}",
    body="{why}",
)
wording.register(
    "approval.absence",
    "You sign for somebody who is away",
    subject="You sign for {what} until {until}",
    body="{why}",
)
wording.register(
    "approval.commented",
    "Somebody commented on an approval of yours",
    subject="{who} commented on {ref}: {title}",
    body="{what}",
)
