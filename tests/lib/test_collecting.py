"""What a server's collector looks through, and how often."""

from __future__ import annotations

import subprocess
import sys

TOLD = """
import gc
from controlplane.lib import collecting
made = [[] for _ in range(5_000)]
collecting.settle()
print(gc.get_freeze_count() > 5_000, gc.get_threshold() == collecting.SELDOM)
"""


def test_settled__what_is_loaded_aside__and_seldom() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
