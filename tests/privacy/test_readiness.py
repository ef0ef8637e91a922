"""The playbooks' tree of files: from live rows, all or none, nobody's own overwritten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.lib import actors, clock
from controlplane.lib.errors import Conflict, Invalid
from controlplane.lib.text import in_markdown
from controlplane.privacy.readiness import tree, writing
from deployments import services as deployments
from missions import stages
from telemetry import snapshots
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 11, 18, 10, tzinfo=UTC)
TREE = {"docs/readiness/a.md": "A\n", "artifacts/operations/metrics/2026-11-17.md": "B\n"}


@settled.once
def space() -> Workspace:
    """With a launch that is prepared and a day's figures; another has a launch of its own."""
    with time_machine.travel(DAY, tick=False):
        here, other = make.workspace(), make.workspace()
        for where, title in ((here, "Second planner"), (other, "Nobody's business")):
            actor = make.actor(make.person(where, "workspace_admin"))
            deployments.plan_launch(where, actor=actor, title=title)
        snapshots.take_day(here, DAY.date(), actor=actors.job("telemetry.snapshots"))
    return here


@pytest.fixture(autouse=True)
def november() -> Any:
    with time_machine.travel(DAY, tick=False) as moved:
        yield moved


def made(workspace: Workspace) -> dict[str, str]:
    return tree.files(workspace, actors.job("export_readiness"), clock.now())


def test_tree__has_the_names_of_the_playbooks(space: Workspace) -> None:
    files = made(space)
    assert list(files) == sorted(files)
    assert files == made(space)
    wanted = {
        *(f"docs/readiness/{stage.evidence.slug}.md" for stage in stages.STAGES.values()),
        "docs/readiness/README.md",
        "docs/readiness/compliance/2026-Q3.md",
        "docs/readiness/compliance/2026-Q4.md",
        "docs/readiness/runbooks/incident_template.md",
        "docs/readiness/runbooks/on_call_schedule.md",
        "docs/readiness/runbooks/undo_failure.md",
        "docs/readiness/runbooks/supabase_pool.md",
        "artifacts/support/on-call-roster.md",
        "docs/proposal/06-operations/launch_readiness_and_handoff.md",
        "docs/proposal/06-operations/runbook_drill_evidence.md",
    }
    assert wanted <= set(files), wanted - set(files)
    assert [name for name in files if name.startswith("artifacts/operations/metrics/")]
    launch = files["docs/proposal/06-operations/launch_readiness_and_handoff.md"]
    for said in ("Second planner", "Security checks passed", "Review after the launch",
                 "Escalations and false positives"):  # fmt: skip
        assert said in launch
    assert not [name for name, text in files.items() if "Nobody's business" in text]


def test_command__writes_once_and_again_what_changed(space: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "out"
    call_command("export_readiness", str(root), "--workspace", space.slug, verbosity=0)
    index = root / "docs/readiness/README.md"
    assert in_markdown(space.name) in index.read_text()
    assert AuditEvent.objects.filter(action="compliance.export").count() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]  # nothing is left beside it
    with pytest.raises(CommandError, match="several workspaces"):
        call_command("export_readiness", str(root))
    with pytest.raises(CommandError, match="no workspace nowhere"):
        call_command("export_readiness", str(root), "--workspace", "nowhere")


def test_written_again__the_same_is_left_alone_and_what_is_gone_goes(tmp_path: Path) -> None:
    root = tmp_path / "out"
    assert len(writing.write(root, TREE).written) == 2
    again = writing.write(root, {"docs/readiness/a.md": "A\n"})
    assert (again.written, again.same) == ([], ["docs/readiness/a.md"])
    assert again.removed == ["artifacts/operations/metrics/2026-11-17.md"]
    assert not (root / again.removed[0]).exists()
    assert list(json.loads((root / writing.LIST).read_text())["files"]) == ["docs/readiness/a.md"]


def test_somebodys_file__is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "docs/readiness").mkdir(parents=True)
    mine = tmp_path / "docs/readiness/a.md"
    mine.write_text("My own words.\n")
    with pytest.raises(Conflict, match=r"docs/readiness/a\.md"):
        writing.write(tmp_path, TREE)
    assert mine.read_text() == "My own words.\n"
    assert not (tmp_path / "artifacts").exists()
    writing.write(tmp_path, TREE, overwrite=True)
    assert mine.read_text() == "A\n"
    mine.write_text("A, and more by hand.\n")  # ours, changed since
    with pytest.raises(Conflict):
        writing.write(tmp_path, TREE)
    kept = writing.write(tmp_path, {})  # what was changed is not taken away either
    assert "docs/readiness/a.md" not in kept.removed
    assert mine.exists()


def test_a_way_out_of_the_folder__is_refused(tmp_path: Path) -> None:
    root = tmp_path / "out"
    for name in ("/etc/x", "../x", "a/../../x"):
        with pytest.raises(Invalid):
            writing.write(root, {name: "x"})
    root.mkdir()
    (root / "docs").symlink_to(tmp_path)
    with pytest.raises(Conflict, match="is a link"):
        writing.write(root, TREE)
    (tmp_path / "file").write_text("x")
    with pytest.raises(Invalid, match="no folder"):
        writing.write(tmp_path / "file", TREE)


def test_a_disk_that_fails_in_the_middle__leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "out"
    writing.write(root, TREE)

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        writing.write(root, dict.fromkeys(TREE, "new"))
    assert (root / "docs/readiness/a.md").read_text() == "A\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
