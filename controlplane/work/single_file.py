"""`bd` as one file: a zip that Python runs, made of the client's own modules as they lie here."""

from __future__ import annotations

import hashlib
import io
import py_compile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

# Read as files: the portal never imports its client.
CLIENT: Final = Path(__file__).resolve().parent.parent / "bd"
_MADE = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same modules, whenever they are packed
_START = b"#!/usr/bin/env python3\n"
_MAIN = """import sys

if sys.version_info < (3, 11):
    sys.exit("bd needs Python 3.11 or newer, and this is " + sys.version.split()[0])

from controlplane.bd.main import main

sys.exit(main(sys.argv[1:]))
"""


class SingleFile(NamedTuple):
    data: bytes
    digest: str


@cache
def single_file() -> SingleFile:
    """Packed once in each process: its modules change with a release only."""
    out = io.BytesIO()
    out.write(_START)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN)
        _add(archive, "controlplane/__init__.py", "")
        for path in sorted(CLIENT.rglob("*.py")):
            name = path.relative_to(CLIENT.parent.parent).as_posix()
            _add(archive, name, path.read_bytes())
            # For the Python that this portal runs on; another one takes the source beside it.
            _add(archive, f"{name}c", _compiled(path, name))
    data = out.getvalue()
    return SingleFile(data, hashlib.sha256(data).hexdigest())


def _compiled(path: Path, name: str) -> bytes:
    """Compiling at each start would take longer than the start itself."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with tempfile.TemporaryDirectory() as folder:
        made = str(Path(folder) / "made.pyc")
        py_compile.compile(str(path), made, dfile=name, doraise=True, invalidation_mode=mode)
        return Path(made).read_bytes()


def _add(archive: zipfile.ZipFile, name: str, text: str | bytes) -> None:
    entry = zipfile.ZipInfo(name, _MADE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, text)
