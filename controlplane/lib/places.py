"""Where files are kept, from one setting: a folder of this machine, or a bucket of any service that
speaks S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = "controlplane.base.files.local.DurableFolder"
BUCKET = "storages.backends.s3.S3Storage"
# What may stand in the address. Keys never do: they come from the environment or the machine, as
# every client of S3 looks for them.
_OPTIONS = {
    "endpoint_url": str, "region_name": str, "addressing_style": str, "signature_version": str,
}  # fmt: skip


def storage(address: str, folder: Path) -> dict[str, Any]:
    """An entry of `STORAGES`. Empty: the folder. `s3://bucket/prefix?endpoint_url=https://…`: a
    bucket, by django-storages."""
    if not address:
        return {
            "BACKEND": FOLDER,
            "OPTIONS": {
                "location": str(folder),
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.path.startswith("/"):
        return storage("", Path(parts.path))
    if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("a storage is s3://bucket/prefix or file:///folder, without keys in it")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(given) - set(_OPTIONS))
    if unknown:
        raise ValueError(f"a storage's address knows no {', '.join(unknown)}")
    return {
        "BACKEND": BUCKET,
        "OPTIONS": {
            "bucket_name": parts.hostname,
            "location": parts.path.strip("/"),
            "default_acl": None,  # private, by whatever the bucket says
            "file_overwrite": False,
            "querystring_auth": True,
            **given,
        },
    }
