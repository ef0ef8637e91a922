"""What deployments keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import erase_rows, holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows

holds(
    "deployments.watched",
    "deployments.deployment",
    "which deployments somebody watched",
    rows_of("deployments.deployment", "watcher_id", "ref", "title", "status", "started_at"),
    "part of the record of the release; the name goes with the account",
)
holds(
    "deployments.feeds",
    "deployments.feed",
    "links to releases that somebody subscribed to",
    rows_of("deployments.feed", "person_id", "kind", "created_at", "read_at", "revoked_at"),
    erase=erase_rows("deployments.feed", "person_id"),
)
keep_rows(
    "deployments.feeds",
    "deployments.feed",
    "revoked_at",
    days=365,
    what="calendar links of deployments",
    why="which links were out, and until when, for as long as audits look back",
)
nothing(
    "deployments.launches",
    "deployments.launch",
    "deployments.launchline",
    "deployments.merge",
    why="who did it stands there by an opaque ref; a merge names no one",
)
nothing(
    "deployments.parts",
    "deployments.deploymentcomponent",
    "deployments.gate",
    "deployments.step",
    "deployments.stepattempt",
    "deployments.snapshot",
    "deployments.adapter",
    "deployments.freeze",
    why="who did it stands there by an opaque ref; what was pasted is redacted",
)
keep_always(
    "deployments.record",
    "deployments.deployment",
    "deployments.deploymentcomponent",
    "deployments.gate",
    "deployments.step",
    "deployments.stepattempt",
    "deployments.snapshot",
    "deployments.adapter",
    "deployments.freeze",
    "deployments.merge",
    "deployments.launch",
    "deployments.launchline",
    why="what ran where and when, who let it and what was seen: evidence behind every incident",
)
