"""`.beads/`: which folder is in force, what is written there, and what never is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from controlplane.bd import folder as folders
from controlplane.bd.errors import Trouble

POINTER: dict[str, object] = {"backend": "controlplane", "project_id": "p-1", "prefix": "bd"}


def connected(place: Path, **more: object) -> Path:
    beads = place / ".beads"
    folders.connect(str(beads), {**POINTER, **more})
    return beads


def found(at: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> str:
    monkeypatch.chdir(at)
    folder = folders.find(environ)
    return folder.path if folder else ""


def test_find__the_nearest_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = connected(tmp_path)
    inner = connected(tmp_path / "a")
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert found(deep, monkeypatch) == str(inner)
    assert found(tmp_path, monkeypatch) == str(outer)


def test_find__a_folder_of_another_tool_is_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".beads").mkdir()
    for text in ("", "not json", "[]", '{"backend": "dolt"}', '{"backend": "controlplane"}'):
        (tmp_path / ".beads" / "metadata.json").write_text(text)
        assert found(tmp_path, monkeypatch) == ""
    with pytest.raises(Trouble) as caught:
        folders.require({})
    assert caught.value.message == "no beads database found"
    assert "bd init" in caught.value.hint


def test_find__beads_dir_wins_and_redirects_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = connected(tmp_path / "near"), connected(tmp_path / "far")
    assert found(tmp_path / "near", monkeypatch, BEADS_DIR=str(far)) == str(far)
    (near / "redirect").write_text("../far/.beads\n")
    assert found(tmp_path / "near", monkeypatch) == str(far)
    (far / "redirect").write_text("../near/.beads\n")
    assert found(tmp_path / "near", monkeypatch) in {str(near), str(far)}, "no endless walk"


def test_find__a_worktree_falls_back_to_its_main_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, tree = tmp_path / "main", tmp_path / "elsewhere" / "tree"
    git = ["git", "-c", "user.name=k", "-c", "user.email=k@example.org"]
    subprocess.run([*git, "init", "-q", str(main)], check=True)
    subprocess.run([*git, "-C", str(main), "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*git, "-C", str(main), "worktree", "add", "-q", str(tree)], check=True)
    beads = connected(main)
    assert found(tree, monkeypatch) == str(beads)
    own = connected(tree)
    assert found(tree, monkeypatch) == str(own)


def test_connect__nothing_secret_and_nothing_of_others_is_overwritten(tmp_path: Path) -> None:
    beads = tmp_path / ".beads"
    beads.mkdir()
    (beads / ".gitignore").write_text("mine\n")
    (beads / "issues.jsonl").write_text("{}\n")
    connected(tmp_path)
    assert (beads / ".gitignore").read_text() == "mine\n"
    assert (beads / "issues.jsonl").read_text() == "{}\n"
    assert json.loads((beads / "metadata.json").read_text()) == POINTER
    assert sorted(path.name for path in beads.iterdir()) == [
        ".gitignore", "issues.jsonl", "metadata.json",
    ]  # fmt: skip


def test_gitignore__keeps_what_changes_all_the_time_out_of_git(tmp_path: Path) -> None:
    beads = connected(tmp_path)
    ignored = (beads / ".gitignore").read_text().splitlines()
    assert {"last-touched", "*.tmp", "*.db"} <= set(ignored)
    assert not {"metadata.json", "issues.jsonl"} & set(ignored)


def test_touch__a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    folders.Folder(str(tmp_path / "gone"), POINTER).touch("bd-1")
    folder = folders.Folder(str(connected(tmp_path)), POINTER)
    folder.touch("bd-1")
    folder.touch()
    assert folder.last_touched() == "bd-1"
