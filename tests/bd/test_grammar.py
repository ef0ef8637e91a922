"""The command line: every form that tools send, and no input that brings it down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.bd import grammar, table
from controlplane.bd.errors import Refused, Trouble, Usage
from controlplane.bd.main import main


def flags(*argv: str) -> dict[str, Any]:
    return dict(grammar.read(list(argv)).flags)


@pytest.mark.parametrize(
    "argv",
    [
        ("list", "--priority", "1"),
        ("list", "--priority=1"),
        ("list", "-p", "1"),
        ("list", "-p1"),
        ("list", "-p=1"),
    ],
)
def test_value__each_of_its_forms(argv: tuple[str, ...]) -> None:
    assert flags(*argv) == {"priority": "1"}


def test_switch__alone_or_with_equals_sign() -> None:
    assert flags("list", "--tree=false", "--all") == {"tree": False, "all": True}
    assert flags("list", "--tree=true", "-r") == {"tree": True, "reverse": True}
    with pytest.raises(Usage, match="invalid argument"):
        flags("list", "--tree=perhaps")


def test_switch__takes_no_following_word() -> None:
    line = grammar.read(["delete", "--force", "bd-1"])
    assert line.flags == {"force": True}
    assert grammar.place(line) == {"ids": ["bd-1"]}


def test_lists__commas_repetition_quotes_and_blanks() -> None:
    argv = ("create", "T", "-l", "ops, deployment", "--labels", "a", "--tag=b", "--label", '"c,d"')
    assert flags(*argv)["labels"] == ["ops", "deployment", "a", "b", "c,d"]


def test_globals__before_and_after_the_command() -> None:
    for argv in (["--json", "--actor", "kim", "list"], ["list", "--json", "--actor=kim"]):
        line = grammar.read(argv)
        assert line.command is not None
        assert line.command.name == "list"
        assert line.options == {"json": True, "actor": "kim"}


def test_command__after_its_own_flags() -> None:
    line = grammar.read(["--status", "open", "list", "--limit", "5"])
    assert line.command is not None
    assert (line.command.name, line.flags) == ("list", {"status": ["open"], "limit": 5})


@pytest.mark.parametrize(
    "argv",
    [
        ("--sandbox", "--no-daemon", "--no-auto-flush", "--no-auto-import", "list"),
        ("init", "--skip-hooks", "--stealth", "--non-interactive", "--server-host", "x"),
        ("cleanup", "--days", "30", "-f"),
        ("doctor", "--output", "x", "-i"),
    ],
)
def test_flags_of_other_times__are_taken_and_ignored(argv: tuple[str, ...]) -> None:
    line = grammar.read(list(argv))
    assert (line.flags, line.options, grammar.place(line)) == ({}, {}, {})


def test_double_dash__ends_the_flags() -> None:
    line = grammar.read(["comment", "bd-1", "--", "--json", "-x"])
    assert line.options == {}
    assert grammar.place(line) == {"id": "bd-1", "text": "--json -x"}


def test_words__flags_among_them() -> None:
    line = grammar.read(["dep", "add", "a", "--type", "blocks", "b"])
    assert grammar.place(line) == {"issue": "a", "depends_on": "b"}
    assert line.flags == {"type": "blocks"}
    line = grammar.read(["label", "add", "a", "b", "ops"])
    assert grammar.place(line) == {"ids": ["a", "b"], "label": "ops"}
    line = grammar.read(["comment", "a", "two", "words"])
    assert grammar.place(line) == {"id": "a", "text": "two words"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["list", "--bogus"], "unknown flag: --bogus"),
        (["list", "-Z"], "unknown shorthand flag: 'Z' in -Z"),
        (["list", "--limit"], "flag needs an argument: --limit"),
        (["list", "-n"], "flag needs an argument: 'n' in -n"),
        (["list", "-n", "many"], 'invalid argument "many" for "-n, --limit" flag'),
        (["list", "-n", "9" * 40], "invalid argument"),
        (["liszt"], 'unknown command "liszt" for "bd"'),
        (["label", "bogus"], 'unknown command "bogus" for "bd label"'),
    ],
)
def test_mistakes__are_named(argv: list[str], said: str) -> None:
    with pytest.raises(Usage) as caught:
        grammar.read(argv)
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    "argv", [["reopen"], ["comment"], ["label", "add", "x"], ["dep", "rm", "x"], ["config", "set"]]
)
def test_missing_words__are_named(argv: list[str]) -> None:
    with pytest.raises(Usage, match="requires at least"):
        grammar.place(grammar.read(argv))


def test_too_many_words__are_refused() -> None:
    with pytest.raises(Usage, match="accepts at most"):
        grammar.place(grammar.read(["list", "one"]))


# --- Anything at all --------------------------------------------------------------------------

_LONG = sorted({name for c in table.COMMANDS for name in grammar.Flags(c.flags).long})
_WORDS = sorted({word for name in table.by_words() for word in name.split()})
_PIECES = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from([f"--{name}" for name in _LONG]),
    st.sampled_from(["--", "-", "--json", "-h", "-V", "--=", "-=", "--db", "-C", "--no-daemon"]),
    st.builds(lambda name, value: f"--{name}={value}", st.sampled_from(_LONG), st.text(max_size=8)),
    st.builds(lambda letters: f"-{letters}", st.text(max_size=4)),
    st.text(max_size=12),
)


@given(argv=st.lists(_PIECES, max_size=8))
@example(argv=["dep", "--blocks"])
@example(argv=["label", "--json", "add"])
@example(argv=["-C", "\0", "list"])
def test_any_line__is_read_or_refused_with_a_sentence(argv: list[str]) -> None:
    said = "read"
    try:
        line = grammar.read(argv)
        grammar.place(line)
    except (Trouble, Refused) as refused:
        said = refused.message
    assert said


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nowhere")


@given(argv=st.lists(_PIECES, max_size=6))
def test_any_line__ends_with_0_or_1(nowhere: Path, argv: list[str]) -> None:
    before, stood = dict(os.environ), Path.cwd()
    os.environ["XDG_STATE_HOME"] = str(nowhere)
    os.environ.pop("CONTROLPLANE_URL", None)
    try:
        os.chdir(nowhere)
        assert main(argv) in (0, 1)
    finally:
        os.chdir(stood)
        os.environ.clear()
        os.environ.update(before)
