"""What evidence tells the rest of the portal: its gates, its figures, the words of the log, how
long it is kept."""

from __future__ import annotations

from controlplane.audit import words

WORDS = {
    "evidence:kept": "keep/kept evidence of the mission",
    "evidence:back": "bring/brought back evidence of the mission",
    "evidence:whole": "read/read evidence of the mission and found it whole",
    "evidence:broken": "find/found evidence of the mission broken",
    "remove_evidence": "take/took away evidence of the mission",
    "bundle": "change/changed the evidence bundle of the mission",
    "bundle:asked": "ask/asked for the evidence bundle of the mission",
    "bundle:stored": "make/made the evidence bundle of the mission",
    "bundle:broken": "find/found the evidence bundle of the mission broken",
    "export_evidence": "change/changed the redacted export of the mission",
    "export_evidence:asked": "ask/asked for the redacted export of the mission",
    "export_evidence:stored": "make/made the redacted export of the mission",
    "export_evidence:broken": "find/found the redacted export of the mission broken",
    "clear_evidence": "clear/cleared evidence of the mission for outside readers",
    "clear_evidence:off": "stop/stopped evidence of the mission from going out",
    "hold": "hold/held the evidence of the mission by law",
    "hold:off": "let/let go of the evidence of the mission that was held by law",
}


def register() -> None:
    from missions import kept_evidence  # noqa: F401
    from missions.evidence import figures, gates, outcomes  # noqa: F401
    from missions.shown import evidence

    words.define("mission", WORDS)
    evidence.register()
