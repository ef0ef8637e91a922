"""The messages of the rotas. A workspace may word them as it likes."""

from __future__ import annotations

from controlplane.notify import wording

wording.register(
    "oncall.on",
    "You come on duty",
    subject="You are on duty: {schedule}",
    body="Until {until}.",
)
wording.register(
    "oncall.off",
    "You go off duty",
    subject="You are off duty: {schedule}",
    body="On duty now: {next}.",
)
wording.register(
    "oncall.next",
    "Your shift begins tomorrow",
    subject="Your shift comes next: {schedule}",
    body="From {since} until {until}. Who can't take it hands it over on the schedule's page.",
)
wording.register(
    "oncall.rota",
    "You are in a rotation",
    subject="You take turns in {schedule}",
    body="From {since} on; {who} set it up.",
)
wording.register(
    "oncall.swap",
    "A shift was swapped",
    subject="{person} takes a shift: {schedule}",
    body="From {since} until {until}, by {who}. {why}",
)
wording.register(
    "oncall.swap_ended",
    "A swap was taken back",
    subject="{person} no longer stands in: {schedule}",
    body="The swap from {since} was taken back by {who}.",
)
wording.register(
    "oncall.gap",
    "Nobody will be on duty",
    subject="Nobody will be on duty from {since}: {schedule}",
    body="{lasts}. Somebody should be. Take the shift, or change the rotation.{more}",
)
wording.register(
    "oncall.nobody",
    "Nobody is on duty",
    subject="Nobody is on duty now: {schedule}",
    body="Since {since}. Take the shift, or change the rotation.{more}",
)
wording.register(
    "oncall.weekly",
    "Gaps of the next weeks",
    subject="On call in {workspace}: {what}",
    body="What the next {weeks} weeks lack:\n\n{lines}",
)
