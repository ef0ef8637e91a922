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
    "oncall.changed",
    "Your shifts changed",
    subject="Your shifts changed: {schedule}",
    body="{lines}\n\nBy {who}. {why}",
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
wording.register(
    "oncall.asked",
    "You are asked to take a shift",
    subject="{who} asks for somebody to take a shift: {schedule}",
    body="From {since} until {until}. {why}",
)
wording.register(
    "oncall.asked_declined",
    "Somebody can't take your shift",
    subject="{whom} can't take your shift: {schedule}",
    body="It stays yours from {since} until {until}. {answer}",
)
wording.register(
    "oncall.asked_expired",
    "Nobody took your shift",
    subject="Nobody took your shift, it is yours: {schedule}",
    body="It has begun and lasts until {until}.",
)
wording.register(
    "oncall.note_due",
    "A hand-off note is due",
    subject="Tell the next one what is open: {schedule}",
    body="Your shift ended {ended}. Write what whoever came after you should know.{open}",
)
wording.register(
    "oncall.note",
    "A hand-off note for you",
    subject="Hand-off from {who}: {schedule}",
    body="{text}{open}",
)
wording.register(
    "oncall.note_unread",
    "A hand-off note waits for you",
    subject="{who} left you a hand-off note: {schedule}",
    body="Read it and say so.\n\n{text}{open}",
)
wording.register(
    "oncall.note_missed",
    "A hand-off note is missing",
    subject="No hand-off note from {who}: {schedule}",
    body="The shift ended {ended}. Ask them what is open.{open}",
)
