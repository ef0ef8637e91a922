from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def state(tmp_path: Path, settings: Any) -> Path:
    """Each test its own state folder: backups and anchors of one are not another's."""
    settings.STATE_DIR = tmp_path
    return tmp_path
