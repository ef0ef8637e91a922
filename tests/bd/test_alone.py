"""The client stands alone, starts lean, and its table fits the portal's."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.bd import VERSION, flag_words, grammar, table, wish
from controlplane.work.beads import ops
from controlplane.work.beads import table as portal_table
from controlplane.work.single_file import single_file
from tests.kit.bd import START
from tests.kit.source import ROOT

CLIENT = ROOT / "controlplane" / "bd"
MODULES = sorted(CLIENT.rglob("*.py"))
# What costs more at start than the command itself.
DEAR = {
    "argparse", "asyncio", "dataclasses", "datetime", "email", "http", "inspect", "logging",
    "pathlib", "ssl", "subprocess", "typing", "urllib", "uuid", "encodings.idna", "zipfile",
}  # fmt: skip
MOST_MODULES = 90


def test_package__stays_empty_above_the_client() -> None:
    assert (ROOT / "controlplane" / "__init__.py").read_bytes() == b""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(CLIENT).as_posix())
def test_imports__the_standard_library_and_itself(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            names = [node.module or ""]
        for name in names:
            own = name == "controlplane.bd" or name.startswith("controlplane.bd.")
            assert own or name.partition(".")[0] in sys.stdlib_module_names, name


def loaded(*argv: str, cwd: Path) -> set[str]:
    code = START.replace("sys.exit(main(sys.argv[1:]))", "main(sys.argv[1:])")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{code}; print(*sys.modules)", *argv],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=True,
        env={"HOME": str(cwd), "CONTROLPLANE_URL": "http://127.0.0.1:1",
             "CONTROLPLANE_API_KEY": "k"},
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("argv", [("version",), ("ready", "--json", "--db", "x")])
def test_start__loads_little(argv: tuple[str, ...], tmp_path: Path) -> None:
    modules = loaded(*argv, cwd=tmp_path)
    assert not modules & DEAR
    assert len(modules) <= MOST_MODULES, sorted(modules)


def test_version__is_one_that_clients_accept() -> None:
    assert tuple(map(int, VERSION.split("."))) >= (1, 3, 0)


# --- The tables -------------------------------------------------------------------------------


def sent(command: table.Command) -> set[str]:
    every = grammar.Flags(command.flags).all
    flags = {each.name for each in every if not each.kind.startswith("ignored")}
    words = {word.rstrip("?*+.") for word in command.takes.split()}
    # Files are read here, and sent as what they say.
    here = {
        *wish._SHOWN, "body-file", "design-file", "reason-file", "from-file", "file", "graph",
        "reverse",
    }  # fmt: skip
    return {name.replace("-", "_") for name in flags - here} | words


def test_commands__the_portal_knows_each_with_all_its_flags() -> None:
    assert ops.__name__
    unknown = {}
    for command in table.COMMANDS:
        if command.effect == table.LOCAL or command.name in {"export", "import", "doctor"}:
            continue
        entry = portal_table.COMMANDS.get(command.op)
        assert entry is not None, command.op
        rest = sent(command) - entry.takes - {"from_jsonl"}
        if rest:
            unknown[command.name] = sorted(rest)
        claims = command.name in {"ready", "repair-deps"}
        assert claims or entry.writes == (command.effect == table.WRITE), command.name
    assert not unknown


def test_flags__no_name_or_letter_twice_in_one_command() -> None:
    for command in table.COMMANDS:
        every = grammar.Flags(command.flags).all
        names = [name for flag in every for name in (flag.name, *flag.others)]
        letters = [letter for flag in every for letter in flag.shorts]
        assert len(names) == len(set(names)), command.name
        assert len(letters) == len(set(letters)), command.name


def test_flags__each_has_words_in_the_help() -> None:
    every = [grammar.Flags(table.GLOBAL), *(grammar.Flags(c.flags) for c in table.COMMANDS)]
    names = {
        flag.name for flags in every for flag in flags.all if not flag.kind.startswith("ignored")
    }
    assert names == set(flag_words.ABOUT)


# --- The single file --------------------------------------------------------------------------


def test_single_file__runs_without_the_checkout(tmp_path: Path) -> None:
    path = tmp_path / "bd"
    path.write_bytes(single_file().data)
    for argv in (["version"], ["help", "list"], ["quickstart"]):
        done = subprocess.run(
            [sys.executable, "-I", str(path), *argv],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout
    assert path.read_bytes().startswith(b"#!/usr/bin/env python3\n")
