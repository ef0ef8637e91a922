"""Prove the audit log, or name the first broken row and what was done to it."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.audit import anchors, sealing
from controlplane.audit.proof import Finding, Proof, verify


class Command(BaseCommand):
    help = "Prove the whole audit log: rows, seals, signatures, and the hashes carried outside."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="tell only findings that touch this workspace")
        parser.add_argument(
            "--anchors",
            type=Path,
            help="seal hashes kept outside the database (default: the file in the state folder)",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path, given = options["anchors"] or anchors.default_file(), options["anchors"] is not None
        if given and not path.exists():
            raise CommandError(f"{path} does not exist")
        expected = anchors.expected(path.read_text().splitlines()) if path.exists() else {}
        started = time.monotonic()
        proof = verify(expected=expected, using=sealing.alias())
        seconds = time.monotonic() - started
        findings = _touching(proof, options["workspace"])
        if options["json"]:
            self.stdout.write(json.dumps(_report(proof, findings, len(expected), seconds)))
        else:
            self._print(proof, findings, len(expected), seconds)
        if findings:
            raise SystemExit(1)

    def _print(self, proof: Proof, findings: list[Finding], anchored: int, seconds: float) -> None:
        self.stdout.write(
            f"{proof.events} events under {proof.seals} seals ({proof.pending} waiting,"
            f" {proof.pruned} pruned), {anchored} anchors, {seconds:.1f} s"
        )
        if not anchored:
            self.stdout.write("No anchors: a cut-off tail would not be seen. Use --anchors FILE.")
        if not findings:
            self.stdout.write(self.style.SUCCESS("The log is sound."))
            return
        self.stdout.write(self.style.ERROR(f"First broken: {findings[0].message}"))
        for finding in findings:
            self.stdout.write(f"  {finding.kind}: {finding.message}")


def _touching(proof: Proof, slug: str | None) -> list[Finding]:
    """Findings of one workspace. Those of the chain, or of rows that are gone, touch everyone."""
    if slug is None:
        return proof.findings
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise CommandError(f"no workspace {slug}")
    return [each for each in proof.findings if each.workspace_id in {None, workspace.pk}]


def _report(proof: Proof, findings: list[Finding], anchored: int, seconds: float) -> dict[str, Any]:
    report = asdict(proof)
    report["findings"] = [asdict(each) for each in findings]
    return {"sound": not findings, "anchors": anchored, "seconds": round(seconds, 3), **report}
