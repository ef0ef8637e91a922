"""What a file is, by its first bytes, and whether that is what its name says.

Not a library of thousands of formats: those that people hand in as evidence, and those that must
not pass as one of them. What nobody knows is bytes: kept, handed out, never shown.
"""

from __future__ import annotations

import re

from controlplane.lib.errors import ControlPlaneError

HEAD = 4096
UNKNOWN = "application/octet-stream"
TEXT, JSON, LINES = "text/plain", "application/json", "application/x-ndjson"
HTML, SVG, XML = "text/html", "image/svg+xml", "application/xml"
CSV, MARKDOWN = "text/csv", "text/markdown"
ZIP, OLE, PROGRAM = "application/zip", "application/x-ole-storage", "application/x-executable"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"MZ", PROGRAM),
    (b"\x7fELF", PROGRAM),
    (b"\xca\xfe\xba\xbe", PROGRAM),
    (b"\xfe\xed\xfa\xce", PROGRAM),
    (b"\xfe\xed\xfa\xcf", PROGRAM),
    (b"\xce\xfa\xed\xfe", PROGRAM),
    (b"\xcf\xfa\xed\xfe", PROGRAM),
    (b"\0asm", PROGRAM),
)
# Letters that a text may begin with as well: only with bytes after them that no text has.
_LETTERS = (b"MZ", b"BZh", b"ID3", b"PAR1", b"OggS")
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_MARKUP = re.compile(
    rb"<(!doctype\s+html|html|head|body|script|iframe|object|embed|form|svg)\b", re.IGNORECASE
)
# What no text holds; tabs and the ends of lines and pages it does.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

# Ending -> what may be inside. Text takes any of its kinds: a log may well begin with "{".
_WORDS = frozenset({TEXT, JSON, LINES, CSV, MARKDOWN, XML, HTML, SVG})
_TEXTS = (
    "txt log md markdown csv tsv json jsonl ndjson yaml yml toml ini cfg conf xml html htm svg sql "
    "py sh js ts css diff patch rst tex env"
)
_FILES: dict[str, frozenset[str]] = {
    **dict.fromkeys(_TEXTS.split(), _WORDS),
    "pdf": frozenset({"application/pdf"}),
    "png": frozenset({"image/png"}),
    **dict.fromkeys(["jpg", "jpeg"], frozenset({"image/jpeg"})),
    "gif": frozenset({"image/gif"}),
    "webp": frozenset({"image/webp"}),
    **dict.fromkeys(["tif", "tiff"], frozenset({"image/tiff"})),
    **dict.fromkeys(
        ["zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "whl", "jar"], frozenset({ZIP})
    ),
    **dict.fromkeys(["doc", "xls", "ppt", "msg"], frozenset({OLE})),
    **dict.fromkeys(["gz", "tgz"], frozenset({"application/gzip"})),
    "bz2": frozenset({"application/x-bzip2"}),
    "xz": frozenset({"application/x-xz"}),
    "7z": frozenset({"application/x-7z-compressed"}),
    "zst": frozenset({"application/zstd"}),
    "rar": frozenset({"application/vnd.rar"}),
    "tar": frozenset({"application/x-tar"}),
    **dict.fromkeys(["mp4", "m4a", "m4v", "mov"], frozenset({"video/mp4"})),
    "webm": frozenset({"video/webm"}),
    "parquet": frozenset({"application/vnd.apache.parquet"}),
    **dict.fromkeys(["sqlite", "sqlite3", "db"], frozenset({"application/vnd.sqlite3"})),
}  # fmt: skip
_NARROW = {
    "json": JSON, "jsonl": LINES, "ndjson": LINES, "csv": CSV, "md": MARKDOWN,
    "markdown": MARKDOWN,
}  # fmt: skip
# The same thing under another name.
_SAME = {
    "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": ZIP, "application/x-gzip": "application/gzip",
}  # fmt: skip


class LyingType(ControlPlaneError):
    """It is not what its name, or whoever sent it, says it is."""

    code = "UNSUPPORTED_MEDIA_TYPE"


def sniff(head: bytes) -> str:
    """By the first bytes; `head` is at least `HEAD` of them, or all there are."""
    words = head.startswith(_LETTERS) and _words(head) != UNKNOWN
    for start, kind in _STARTS:
        if head.startswith(start) and not words:
            return kind
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    return _words(head)


def _words(head: bytes) -> str:
    if _NO_TEXT.search(head[:HEAD]) or not _is_utf8(head[:HEAD]):
        return UNKNOWN
    begin = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if found := _MARKUP.search(begin):
        return SVG if found[1].lower() == b"svg" else HTML
    if begin.startswith(b"<?xml"):
        return XML
    return TEXT


def _is_utf8(head: bytes) -> bool:
    """A character that the end of the head goes through is no fault."""
    for cut in range(4):
        try:
            head[: len(head) - cut].decode()
        except UnicodeDecodeError as error:
            if error.start < len(head) - cut - 3:
                return False
        else:
            return True
    return False


def is_text(media_type: str) -> bool:
    return media_type in _WORDS


def ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def true_type(name: str, head: bytes, claimed: str = "") -> str:
    """What the file is. A name that says another thing refuses it, and so does a type that its
    sender states; programs are refused under any name. Text that is in no Unicode, or whatever
    stands under the name of one, is kept as bytes that nobody is shown."""
    found = sniff(head)
    if found == PROGRAM:
        raise _lie("It is a program; programs are not kept here.", name, claimed, found)
    suffix = ending(name)
    may_be = _FILES.get(suffix)
    if may_be is not None and found not in may_be and not (found == UNKNOWN and may_be is _WORDS):
        raise _lie(f"Its name says {suffix}, its content {_called(found)}.", name, claimed, found)
    stated = _stated(claimed)
    if stated and stated != found and not (stated in _WORDS and found in _WORDS | {UNKNOWN}):
        raise _lie(f"It is said to be {stated}, and is {_called(found)}.", name, claimed, found)
    return _NARROW.get(suffix, found) if found == TEXT else found


def _stated(claimed: str) -> str:
    """What the sender says, where that is one of the kinds that are told apart here."""
    plain = claimed.partition(";")[0].strip().lower()
    plain = _SAME.get(plain, plain)
    known = {kind for _, kind in _STARTS} | set(_RIFF.values()) | _WORDS
    return plain if plain in known else ""


def _called(found: str) -> str:
    return "nothing that is known" if found == UNKNOWN else found


def _lie(sentence: str, name: str, claimed: str, found: str) -> LyingType:
    details = {"file": sentence, "content": found, "name": name[:200]}
    return LyingType(sentence, details=details | ({"said": claimed[:100]} if claimed else {}))
