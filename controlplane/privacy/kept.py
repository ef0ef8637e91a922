"""What privacy's own tables hold about people, and how long."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows

holds(
    "privacy.consents",
    "privacy.consent",
    "what one agreed to, when, and what one took back",
    rows_of(
        "privacy.consent",
        "user",
        "policy__workspace__slug",
        "policy__version",
        "answer",
        "said_at",
        "replaced_at",
        "door",
        "evidence",
    ),
    "proof that somebody agreed before; nobody's once the account is",
)
holds(
    "privacy.deletions",
    "privacy.deletionrequest",
    "requests that one's data is erased, and what came of them",
    rows_of(
        "privacy.deletionrequest",
        "person",
        "status",
        "reason",
        "asked_at",
        "due_at",
        "held_for",
        "finished_at",
    ),
    "proof that the promise was kept; nobody's once the account is",
)
nothing(
    "privacy.holds",
    "privacy.legalhold",
    why="an order to keep data; whom it is about goes with the account, by name it names nobody",
)
nothing("privacy.policies", "privacy.privacypolicy", why="what everybody is told")
nothing("privacy.copies", "privacy.datarefresh", why="who vouched for a copy stands there by ref")
nothing(
    "privacy.controls",
    "privacy.controlevidence",
    "privacy.controlscope",
    "privacy.compliancereport",
    why="who added a file, made a report or said what applies stands there by ref",
)

keep_always(
    "privacy.controls",
    "privacy.controlevidence",
    "privacy.controlscope",
    "privacy.compliancereport",
    why="an auditor asks for earlier periods as they were shown; a few files a quarter",
)
keep_always(
    "privacy.proof",
    "privacy.privacypolicy",
    "privacy.consent",
    "privacy.deletionrequest",
    why="what people were told, agreed to and asked for: the proof a regulator asks for, few rows",
)
keep_always(
    "privacy.holds",
    "privacy.legalhold",
    why="what was held by law, by whom and until when",
)
keep_rows(
    "privacy.copies",
    "privacy.datarefresh",
    "taken_at",
    days=400,
    minimum_days=90,
    what="copies of data made for testing",
    why="a year of evidence that testing had no people's data",
)
