"""The guide's conversation in a thread is held as it stands, with curl and in Python."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from missions.threads.models import Message, Thread
from tests.docs.test_agents_guide import blocks, portal
from tests.kit import guides

__all__ = ["portal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl__talks_as_it_stands(portal: dict[str, str], tmp_path: Path) -> None:
    guides.bash("\n".join(blocks("sh", "thread")), portal, tmp_path)
    rows = Message.objects.filter(thread=Thread.objects.get()).order_by("seq")
    said = list(rows.values_list("seq", "event"))
    assert said == [(1, "re_review_requested"), (2, "finding_reported")]


def test_python__talks_as_it_stands(portal: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "thread.py"
    script.write_text("\n".join(blocks("python", "thread")))
    guides.run([sys.executable, "-I", str(script)], portal, tmp_path)
    thread = Thread.objects.get()
    assert (thread.status, thread.findings) == ("resolved", {})
