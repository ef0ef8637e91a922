"""Messages of the portal about itself. Apps above register theirs beside the code that sends."""

from __future__ import annotations

from controlplane.notify import wording

wording.register(
    "portal.alarm",
    "Something of the portal itself has stopped",
    subject="The portal: {what}",
    body="{detail}\n\nWhat to do: {mend}",
)
wording.register(
    "portal.alarm_over",
    "Something of the portal itself works again",
    subject="The portal: {what} is over",
    body="It lasted {duration}.",
)
