"""The demo's logins: `seed_demo` writes the file, and `up`, which loads no models, reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings


def logins_file() -> Path:
    return Path(settings.STATE_DIR) / "demo-logins.json"


def write_logins(path: Path, password: str, accounts: list[dict[str, str]]) -> None:
    """Made up anew for every installation and readable by its owner only: a known password
    would be an open door wherever the demo is bound to more than loopback."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"password": password, "accounts": accounts}, indent=2)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)


def read_logins(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    logins: dict[str, Any] = json.loads(path.read_text())
    return logins
