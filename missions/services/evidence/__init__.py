"""Verbs of evidence. Doors and other parts of missions call these and nothing else."""

from missions.services.evidence.bundles import ask_bundle
from missions.services.evidence.clearing import clear_artifact
from missions.services.evidence.holding import place_hold, release_hold
from missions.services.evidence.keeping import (
    check_artifact,
    remove_artifact,
    restore_artifact,
)
from missions.services.evidence.opening import open_artifact, open_bundle
from missions.services.evidence.receiving import keep_generated, receive_file, write_log

__all__ = [
    "ask_bundle",
    "check_artifact",
    "clear_artifact",
    "keep_generated",
    "open_artifact",
    "open_bundle",
    "place_hold",
    "receive_file",
    "release_hold",
    "remove_artifact",
    "restore_artifact",
    "write_log",
]
