"""The installation's secrets: made once, kept in one file that only its owner can read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from controlplane.embedded.state import State, Trouble, write_private

# Handed to the portal's processes; a value from the environment wins over the file's.
FOR_THE_PORTAL = (
    "SECRET_KEY",
    "CONTROLPLANE_SIGNING_KEY",
    "CONTROLPLANE_AUDIT_SEAL_KEY",
    "CONTROLPLANE_PSEUDONYM_KEY",
)
DATABASE_PASSWORDS = {
    "postgres": "POSTGRES_PASSWORD",
    "cp_owner": "CP_OWNER_PASSWORD",
    "cp_app": "CP_APP_PASSWORD",
    "cp_reader": "CP_READER_PASSWORD",
}
NAMES = (*FOR_THE_PORTAL, *DATABASE_PASSWORDS.values())
HEADING = (
    "# Secrets of this installation, made by `manage.py up`. Keep a copy in a safe place: without\n"
    "# them sealed secrets, signatures and the embedded database can't be opened again.\n"
)


def parse(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def load(state: State) -> dict[str, str]:
    """Read the secrets, making those that are missing. Existing ones are never replaced."""
    have = _read(state.secrets)
    made = {name: secrets.token_urlsafe(48) for name in NAMES if not have.get(name)}
    if made:
        have.update(made)
        lines = "".join(f"{name}={value}\n" for name, value in have.items())
        write_private(state.secrets, HEADING + lines)
    return have


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Trouble(
            f"{path} can't be read ({error.strerror}): run this as the user who made it."
        ) from None


def for_the_portal(have: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ.get(name) or have[name] for name in FOR_THE_PORTAL}
