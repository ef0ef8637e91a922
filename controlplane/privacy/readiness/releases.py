"""What became live, with its evidence, and the sign-off of the launch."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.access.models import Workspace
from controlplane.base.files import safe
from controlplane.lib.text import in_markdown
from deployments.models import Deployment, Launch
from deployments.overview import checklist, launch_review, launched

MOST = 50
# Folders that stand beside those of releases.
TAKEN = frozenset({"runbooks", "compliance", "feedback", "ops_meeting_notes"})


def release_files(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """A folder for each release that reached the people who use it; of several deployments of one
    release each has its part."""
    rows = Deployment.objects.landed().filter(workspace=workspace, environment__data_class="real")
    rows = rows.select_related("environment", "approval", "item").prefetch_related("gates")
    found: dict[str, list[str]] = {}
    for row in rows.order_by("-deployed_at", "-pk")[:MOST]:
        name = safe(row.release)
        name = f"release-{name}" if name in TAKEN else name
        lines = found.setdefault(name, [f"# Release {in_markdown(row.release)}"])
        lines += ["", *_deployment(row)]
    for name, lines in found.items():
        yield name, "\n".join(lines) + "\n"


def _deployment(row: Deployment) -> Iterator[str]:
    yield f"## {row.ref} {in_markdown(row.title)}"
    yield ""
    facts = (
        ("Environment", row.environment.name),
        ("Kind", row.get_kind_display()),
        ("State", row.get_status_display()),
        ("Became live", f"{row.deployed_at:%Y-%m-%d %H:%M} UTC" if row.deployed_at else ""),
        ("Commit", row.commit_sha),
        ("Image", row.image_digest),
        ("Pipeline", row.ci_url),
        ("Work item", row.item.key if row.item else ""),
        ("Approval", f"{row.approval.ref}, {row.approval.get_status_display().lower()}"
         if row.approval else ""),
        ("Afterwards", row.get_verdict_display() if row.verdict else ""),
    )  # fmt: skip
    for name, value in facts:
        if value:
            yield f"- {name}: {in_markdown(str(value))}"
    for artifact in row.artifacts:
        name, sha256 = artifact.get("name", ""), artifact.get("sha256", "")
        yield f"- Artifact {in_markdown(str(name))}: `{in_markdown(str(sha256))}`"
    for gate in sorted(row.gates.all(), key=lambda each: (each.phase, each.position, each.pk)):
        yield f"- Gate {in_markdown(gate.title)}: {gate.get_state_display().lower()}"


def launch_file(workspace: Workspace) -> str:
    """The newest that was signed; while there is none, the newest that is prepared."""
    rows = Launch.objects.filter(workspace=workspace).exclude(status=Launch.Status.CANCELLED)
    rows = rows.select_related("workspace", "approval").order_by("-pk")
    row = rows.filter(status=Launch.Status.SIGNED).first() or rows.first()
    if row is None:
        return ""
    parts = [checklist.markdown(row).rstrip()]
    parts.append(f"## Review after the launch\n\n{launch_review.markdown(row)}")
    found = launched.report(row)
    if found is not None:
        parts.append(f"### Cycle times compared\n\n{found.markdown()}")
    return "\n\n".join(parts) + "\n"
