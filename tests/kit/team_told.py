"""What is left of a mission when its team is done: who did what, and the file that holds it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from tests.kit.team import Team


def verified(file: Path, shown: str) -> None:
    """As its manifest says to: each file by its hash, the list of hashes by the manifest's."""
    with ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        sums = archive.read("SHA256SUMS")
        lines = [line.split("  ", 1) for line in sums.decode().splitlines()]
        listed = {path: digest for digest, path in lines}
        assert set(archive.namelist()) == {*listed, "SHA256SUMS", "manifest.json"}
        for path, digest in listed.items():
            assert sha256(archive.read(path)).hexdigest() == digest, path
    assert sha256(sums).hexdigest() == manifest["manifest_hash"]
    assert manifest["manifest_hash"] in shown
    assert {each["path"] for each in manifest["artifacts"] if each["included"]} == set(listed)


def told(team: Team) -> None:
    """Who did what, in order, with what else happened in between."""
    mo, gv, oc, ta, kc = (each.user.email for each in (team.mo, team.gv, team.oc, team.ta, team.kc))
    agents = {role: agent.row.name for role, agent in team.agents.items()}
    story: list[tuple[str, str, str]] = [
        (mo, "Planned the mission", ""),
        (mo, "Started the mission", ""),
        (gv, "Acknowledged the safeguards of the mission", ""),
        (mo, "Approved", ""),
        (gv, "Rejected", "aim higher"),
        (mo, "Opened the brief of the mission again", "The target is raised."),
        (mo, "Asked for consent", ""),
        (mo, "Approved", ""),
        (gv, "Approved", ""),
        ("missions", "Brought the mission to Prepare", ""),
        (agents["inspector"], "Inspected data for the mission", ""),
        (oc, "Approved scopes of the mission", ""),
        (gv, "Attested to a toolkit of the mission", ""),
        (agents["inspector"], "Connected a toolkit of the mission", ""),
        (agents["coordinator"], "Asked for consent", ""),
        *((who, "Approved", "") for who in (mo, gv, ta, oc)),
        ("missions", "Brought the mission to Plan & Approve", ""),
        (agents["planner"], "Declared the undo plan ready", ""),
        (mo, "Chose the play", "Nothing leaves before somebody read it."),
        (ta, "Checked the telemetry hooks of the mission", ""),
        (gv, "Approved", ""),
        (oc, "Approved", ""),
        ("missions", "Brought the mission to Execute & Observe", ""),
        (agents["executor"], "Began to carry the mission out", ""),
        (agents["executor"], "Took a step that changes something in the mission", ""),
        (agents["validator"], "Reported a violation that holds the mission", "another region"),
        ("missions", "Paused the mission", "another region"),
        (mo, "Asked to let something of the mission pass", "since June"),
        (gv, "Let something of the mission pass", "Seen in the register"),
        (gv, "Resumed the mission", ""),
        (oc, "Asked for the undo", "The list was last year's."),
        (agents["executor"], "Completed the undo", ""),
        (oc, "Superseded", "The list is made anew first."),
        (oc, "Sent back the mission", "The list is made anew first."),
        (mo, "Chose the play", "The list is of this year."),
        (gv, "Approved", ""),
        (oc, "Approved", ""),
        ("missions", "Brought the mission to Execute & Observe", ""),
        (agents["executor"], "Began to carry the mission out", ""),
        (agents["executor"], "Finished the run", ""),
        (oc, "Ended the time to undo", "Every draft was read."),
        (oc, "Asked for the evidence bundle of the mission", ""),
        ("missions", "Made the evidence bundle of the mission", ""),
        (oc, "Approved", ""),
        (ta, "Approved", ""),
        ("missions", "Brought the mission to Reflect & Improve", ""),
        (mo, "Gave feedback on the mission", ""),
        (mo, "Wrote in the retrospective of the mission", ""),
        (kc, "Classified what of the mission can be used again", ""),
        *((who, "Approved", "") for who in (mo, kc, ta)),
        ("missions", "Completed the mission", ""),
    ]
    entries = team.coordinator.get("/timeline")["items"]
    left = iter(entries)
    for who, words, why in story:
        found = any(
            (each["who"], each["words"]) == (who, words) and why in each["reason"] for each in left
        )
        assert found, (who, words, why, [(each["who"], each["words"]) for each in entries])
    assert [each["number"] for each in entries] == sorted(each["number"] for each in entries)


def shown(team: Team) -> None:
    """The same on the mission's page, which shows the end of it, and on its trail, the newest
    first."""
    mo = team.mo
    mo.open(team.page())
    mo.sees("All five stages are signed.")
    assert "completed the mission" in mo.browser.text(".kit-timeline").lower()
    mo.open(team.page().replace("/change/", "/history/"))
    lines = mo.browser.text("main").lower()
    places = [
        lines.find(words)
        for words in ("completed the mission", "gave feedback", "made the evidence bundle",
                      "sent back the mission", "asked for the undo")
    ]  # fmt: skip
    assert -1 not in places, lines
    assert places == sorted(places), lines
