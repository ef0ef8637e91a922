"""What the documents say of the code is made of the code, and current."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from controlplane.console import documents
from tests.kit.source import ROOT


@pytest.mark.slow
def test_generated_parts__are_current() -> None:
    """In a process of its own: in this one, tests have registered jobs and errors of theirs."""
    done = subprocess.run(
        [sys.executable, "manage.py", "docs", "--check"],
        cwd=ROOT,
        env={**os.environ, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"run manage.py docs\n{done.stdout}{done.stderr[-2000:]}"


def test_filled__replaces_only_what_is_between_the_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(documents.BLOCKS, "sample", lambda: "new")
    text = "a\n<!-- made: sample -->\nold\nolder\n<!-- end -->\nb\n"
    filled = documents.filled(text)
    assert filled == "a\n<!-- made: sample -->\nnew\n<!-- end -->\nb\n"
    assert documents.filled(filled) == filled


def test_filled__part_that_nobody_makes__is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing makes"):
        documents.filled("<!-- made: no-such-part -->\n<!-- end -->")


def test_table__bars_and_breaks_stay_inside_their_cell() -> None:
    assert documents.table(("a",), [("x | y\nz",)]).splitlines()[-1] == "| x \\| y z |"
