"""The bootstrap's sentences: each failure names the exact next step, and none shows a traceback."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane import bootstrap

ROOT = Path(bootstrap.ROOT)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own, without `.venv`."""
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "STAMP", str(tmp_path / ".venv" / ".prepared"))
    monkeypatch.setenv("CONTROLPLANE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_imports__only_the_standard_library() -> None:
    for name in ("controlplane/bootstrap.py", "controlplane/__init__.py"):
        tree = ast.parse((ROOT / name).read_text())
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert {module.partition(".")[0] for module in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize("name", ["manage.py", "controlplane/bootstrap.py"])
def test_syntax__an_old_python_gets_as_far_as_the_sentence(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 7))


def test_check_python__too_old__says_which_and_what_to_run() -> None:
    with pytest.raises(bootstrap.Stop, match=r"needs Python 3\.11 or newer and .* is 3\.10\.12"):
        bootstrap.check_python((3, 10, 12))
    bootstrap.check_python((3, 11, 0))


@pytest.mark.parametrize(
    ("output", "step"),
    [
        ("error: No space left on device (os error 28)", "The disk is full"),
        ("No module named ensurepip", "sudo apt-get install -y python3-venv"),
        ("error: Permission denied (os error 13)", "sudo chown -R"),
        ("OSError: [Errno 30] Read-only file system: '.venv'", "sudo chown -R"),
        ("error sending request for url: dns error: failed to lookup", "HTTPS_PROXY"),
        ("ERROR: No matching distribution found for uv==0.13.9", "HTTPS_PROXY"),
        ("error: No interpreter found for Python 3.11", "python3.11 manage.py up"),
        ("error: Failed to parse `uv.lock`", "git checkout uv.lock"),
        ("something nobody foresaw", "Run the same command again"),
    ],
)
def test_explain__each_cause__has_its_next_step(output: str, step: str) -> None:
    said = str(bootstrap.explain(output, "installing packages"))
    assert said.startswith("Installing packages failed:")
    assert output in said
    assert step in said
    assert "{" not in said


def test_state_option__both_forms__are_taken_and_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_STATE_DIR", "/elsewhere")
    for words in (["--state", "/tmp/a"], ["--state=/tmp/a"]):
        argv = ["manage.py", "up", "--port", "1", *words, "--no-demo"]
        bootstrap.take_state_option(argv)
        assert argv == ["manage.py", "up", "--port", "1", "--no-demo"]
        assert bootstrap.state_dir() == "/tmp/a"


def test_state_option__another_command_or_behind_the_dashes__is_left_alone() -> None:
    for argv in (
        ["manage.py", "list_things", "--state", "open"],
        ["manage.py", "test", "--", "--state", "x"],
    ):
        before = list(argv)
        bootstrap.take_state_option(argv)
        assert argv == before


def test_state_option__without_a_value__stops() -> None:
    with pytest.raises(bootstrap.Stop, match="--state DIR"):
        bootstrap.take_state_option(["manage.py", "up", "--state"])


def test_load_environment__another_terminal__finds_the_portal(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CONTROLPLANE_KEPT", "mine")
    (folder / "state").mkdir()
    (folder / "state" / "portal.env").write_text(
        "# heading\nCONTROLPLANE_FOUND=a=b\nCONTROLPLANE_KEPT=theirs\n"
    )
    monkeypatch.setattr(os, "environ", dict(os.environ))
    bootstrap.load_environment(["manage.py", "up"])
    assert "CONTROLPLANE_FOUND" not in os.environ
    bootstrap.load_environment(["manage.py", "shell"])
    assert os.environ["CONTROLPLANE_FOUND"] == "a=b"
    assert os.environ["CONTROLPLANE_KEPT"] == "mine"


def test_load_environment__own_database__wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "DATABASE_URL": "postgresql://own"})
    (folder / "state").mkdir()
    (folder / "state" / "portal.env").write_text("CONTROLPLANE_FOUND=1\n")
    bootstrap.load_environment(["manage.py", "shell"])
    assert "CONTROLPLANE_FOUND" not in os.environ


def test_find_uv__too_old_or_broken__is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "path"
    monkeypatch.setenv("PATH", str(path))
    assert bootstrap.find_uv() is None
    script(path / "uv", "echo uv 0.4.30")
    assert bootstrap.find_uv() is None
    tool = script(folder / "state" / "tools" / "bin" / "uv", "echo uv 0.13.9")
    assert bootstrap.find_uv() == str(tool)
    script(path / "uv", "echo 'uv 0.14.0 (abc 2026-01-01)'")
    assert bootstrap.find_uv() == str(path / "uv")


def test_prepare__unchanged_lock__does_nothing_the_second_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = folder / "calls"
    script(
        folder / "state" / "tools" / "bin" / "uv",
        f'[ "$1" = --version ] && echo uv 0.13.9 && exit\n'
        f'echo "$UV_PYTHON_DOWNLOADS $@" >> {calls}\n'
        f"/bin/mkdir -p {folder}/.venv/bin && : > {folder}/.venv/bin/python",
    )
    monkeypatch.setenv("PATH", str(folder / "nowhere"))
    assert bootstrap.prepare(dev=False) is True
    assert bootstrap.prepare(dev=False) is False
    assert bootstrap.prepare(dev=True) is True  # the test tools are missing yet
    assert bootstrap.prepare(dev=False) is False  # and stay, once they are there
    (folder / "uv.lock").write_text("y")
    assert bootstrap.prepare(dev=False) is True
    said = calls.read_text().splitlines()
    assert len(said) == 3
    assert all(line.startswith("never sync --frozen") for line in said)
    assert "--no-dev" in said[0]
    assert "--group dev" in said[1]
    assert "--group dev" in said[2]


@pytest.mark.parametrize("command", ["down", "doctor"])
def test_ensure__to_stop_or_look__works_with_what_is_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """After an update, and without a network: the running portal must still be stopped."""
    script(folder / ".venv" / "bin" / "python", "exit")
    (folder / ".venv" / ".prepared").write_text("of another lock file")
    monkeypatch.delenv("CONTROLPLANE_NO_BOOTSTRAP", raising=False)
    continued: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "_continue_inside", continued.append)
    monkeypatch.setattr(bootstrap, "sync", lambda *_: pytest.fail("installs packages"))
    monkeypatch.setattr(bootstrap, "find_uv", lambda: "uv")
    bootstrap.ensure(["manage.py", command])
    assert continued == [["manage.py", command]]


def test_prepare__installer_fails__stops_with_its_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(
        folder / "state" / "tools" / "bin" / "uv",
        '[ "$1" = --version ] && echo uv 0.13.9 && exit\necho "error: dns error" >&2; exit 2',
    )
    monkeypatch.setenv("PATH", str(folder / "nowhere"))
    with pytest.raises(bootstrap.Stop, match=r"(?s)dns error.*package index can't be reached"):
        bootstrap.prepare(dev=False)
    assert not (folder / ".venv" / ".prepared").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_prepare__folder_of_another__names_chown(folder: Path) -> None:
    folder.chmod(0o500)
    with pytest.raises(bootstrap.Stop, match="sudo chown"):
        bootstrap.prepare(dev=False)


def test_fingerprint__incomplete_checkout__says_so(folder: Path) -> None:
    (folder / "uv.lock").unlink()
    with pytest.raises(bootstrap.Stop, match=r"uv\.lock can't be read"):
        bootstrap.fingerprint()


def test_manage__no_venv_module__prints_the_one_line(tmp_path: Path) -> None:
    """A whole run of `manage.py` under a Python without ensurepip."""
    (tmp_path / "controlplane").mkdir()
    for name in ("manage.py", "controlplane/__init__.py", "controlplane/bootstrap.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text("x")
    (tmp_path / "ensurepip.py").write_text("raise ImportError('removed by the distribution')")
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("sudo apt-get install -y python3-venv")
    assert "Traceback" not in done.stderr


def test_bd__put_beside_the_packages__starts_from_anywhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "VENV", str(folder / "a 'venv'"))
    python = folder / "a 'venv'" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "ROOT", str(ROOT))
    for _ in range(2):
        bootstrap.write_bd()
    path = python.with_name("bd")
    link = tmp_path / "link"
    link.symlink_to(path)
    for command in (path, link):
        done = subprocess.run(
            [str(command), "version"], cwd="/", capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("bd version "), done.stderr
    assert sorted(each.name for each in path.parent.iterdir()) == ["bd", "python"]


def test_controlplane__is_the_commands_in_the_spelling_of_the_playbooks(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "VENV", str(folder / "venv"))
    monkeypatch.setattr(bootstrap, "ROOT", str(ROOT))
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    bootstrap.write_operators()
    done = subprocess.run(
        [str(python.with_name("controlplane")), "inspect-thread", "--help"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
    )  # fmt: skip
    assert "--thread-id" in done.stdout, done.stderr
    assert done.stdout.startswith("usage: controlplane inspect_thread")


def test_bd__a_folder_that_cannot_be_written__stops_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.write_bd()
    assert "python -m controlplane.bd" in capsys.readouterr().out
