"""Files handed in: what they are called, what they are, where they are kept. What missions and work
items do with them is asked there."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from controlplane.base import checks, files
from controlplane.base.files import keeping, kinds
from controlplane.lib import places
from controlplane.lib.errors import Invalid, TooLarge


@given(st.text(max_size=400))
def test_safe_name__of_anything__is_a_name_on_every_system(name: str) -> None:
    found = files.safe(name)
    assert found.isascii()
    assert 0 < len(found) <= 91
    assert not found.startswith((".", "-"))
    assert not set(found) & set('/\\:*?"<>| \0\r\n')
    assert found.split(".", maxsplit=1)[0].lower() not in {"con", "nul", "aux", "prn", "com1"}
    assert files.safe(found) == found


@given(st.binary(max_size=5_000))
def test_sniff__of_anything__answers_one_kind(head: bytes) -> None:
    found = files.sniff(head[: kinds.HEAD])
    assert "/" in found
    if files.is_text(found):
        assert b"\0" not in head[: kinds.HEAD]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"MZ is a text about an old format.\n", "text/plain"),
        (b"ID3 tags, explained\n", "text/plain"),
        (b"MZ\x90\0\x03", "application/x-executable"),
        ("\ufeffWords".encode(), "text/plain"),
        ("é".encode() * 3_000, "text/plain"),  # the head ends within a character, or not
        (b"x" + "é".encode() * 3_000, "text/plain"),
        (b"\xff\xfeW\0o\0", "application/octet-stream"),
        (b"  <SVG onload=x>", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "application/xml"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"", "text/plain"),
    ],
)
def test_sniff__knows(head: bytes, kind: str) -> None:
    assert files.sniff(head[: kinds.HEAD]) == kind


@pytest.mark.parametrize(
    ("name", "claimed", "head"),
    [
        ("page.html", "text/html", b"<script>1</script>"),
        ("a.svg", "image/svg+xml", b"<svg/>"),
        ("sheet.xlsx", "application/vnd.ms-excel", b"PK\x03\x04"),
        ("photo.JPG", "image/jpg", b"\xff\xd8\xff\xe0"),
        ("data", "", b"\x01\x02"),
        ("a.log", "text/x-log", b"{}"),
        ("a.zip", "application/x-zip-compressed", b"PK\x05\x06"),
    ],
)
def test_type__of_honest_files__is_taken(name: str, claimed: str, head: bytes) -> None:
    assert files.true_type(name, head, claimed)


def test_spool__more_than_may_be__nothing_more_is_read() -> None:
    source = io.BytesIO(b"x" * 1_000)
    with pytest.raises(TooLarge), files.spool(source, most=100):
        raise AssertionError("not reached")
    assert source.tell() == 101


def test_spool__sender_goes_away__is_a_torn_upload() -> None:
    class Gone:
        def read(self, size: int = -1, /) -> bytes:
            raise OSError(errno.ECONNRESET, "gone")

    with pytest.raises(Invalid, match="ended early"), files.spool(Gone(), most=100):
        raise AssertionError("not reached")


def test_spool__temporary_disk_is_full__says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.base.files.receiving.IN_MEMORY", 1)

    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(files.StorageFull), files.spool(io.BytesIO(b"xyz"), most=100):
        raise AssertionError("not reached")


def test_put__and_read_back_and_walk_and_drop(tmp_path: Path) -> None:
    with override_settings(
        STORAGES={**django_settings.STORAGES, "x": places.storage("", tmp_path)}
    ):
        with files.spool(io.BytesIO(b"kept"), most=10) as taken:
            key = files.put("x", "a/b", taken.file)
            assert files.digest("x", key) == (taken.sha256, 4)
        assert list(keeping.walk("x")) == ["a/b"]
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
        files.drop("x", key)
        files.drop("x", key)  # gone is gone
        with pytest.raises(files.Lost):
            files.digest("x", key)
        assert list(keeping.walk("x", "nowhere")) == []


def test_put__outside_of_the_folder__refused(tmp_path: Path) -> None:
    with (
        override_settings(STORAGES={**django_settings.STORAGES, "x": places.storage("", tmp_path)}),
        pytest.raises(Exception, match=r"outside|traversal"),
    ):
        files.put("x", "../../escaped", io.BytesIO(b"x"))


def test_errors_of_a_bucket__become_refusals() -> None:
    kind = type("EndpointConnectionError", (Exception,), {"__module__": "botocore.exceptions"})
    with pytest.raises(files.StorageSilent), files.told_why():
        raise kind("no endpoint")
    missing = kind("404")
    missing.response = {"Error": {"Code": "NoSuchKey"}}
    with pytest.raises(files.Lost), files.told_why():
        raise missing
    with pytest.raises(KeyError), files.told_why():  # a bug is a bug
        raise KeyError("a")


# --- Where ----------------------------------------------------------------------------------------


def test_place__by_its_address(tmp_path: Path) -> None:
    assert places.storage("", tmp_path)["OPTIONS"]["location"] == str(tmp_path)
    assert places.storage("file:///srv/e", tmp_path)["OPTIONS"]["location"] == "/srv/e"
    bucket = places.storage("s3://mine/prod?endpoint_url=https://s3.example.org", tmp_path)
    assert bucket["BACKEND"] == "storages.backends.s3.S3Storage"
    assert bucket["OPTIONS"] == {
        "bucket_name": "mine", "location": "prod", "endpoint_url": "https://s3.example.org",
        "default_acl": None, "file_overwrite": False, "querystring_auth": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "https://example.org/x",
        "s3://key:secret@mine/x",
        "s3://mine?secret_key=x",
        "file:x",
    ],
)
def test_place__that_says_too_much_or_nothing__refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="storage"):
        places.storage(address, tmp_path)


def test_check__a_bucket_without_its_client__is_found(tmp_path: Path) -> None:
    assert checks.places_of_files_are_there() == []
    place = {**django_settings.STORAGES, "evidence": places.storage("s3://mine", tmp_path)}
    with override_settings(STORAGES=place):
        found = [each.id for each in checks.places_of_files_are_there()]
    assert found in ([], ["base.E008"])  # with the extra, and without
    assert storages["evidence"] is not None
