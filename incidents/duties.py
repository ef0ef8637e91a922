"""What is owed to the documents that everybody works by."""

from __future__ import annotations

from controlplane.jobs import obligations

obligations.register(
    "documents.review",
    title="Read the playbooks and the documentation again, and put right what is not so any more",
    owner_role="docs_lead",
    cadence="quarterly",
    evidence="Which pages were read, what readers said of them since, and the items or changes"
    " that came of it.",
    why="A page that is no longer right leads people astray just when they rely on it.",
)
