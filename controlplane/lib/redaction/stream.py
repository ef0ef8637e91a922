"""Redaction of a stream of lines, as `manage.py redact` and anything that tails a log needs it.

A line is looked at alone, with one exception: the body of a private key says nothing by itself,
so the lines between its BEGIN and END are taken together with them.
"""

from __future__ import annotations

import json
import re

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.lib.redaction.scan import CAP, MARK, redact_many
from controlplane.lib.redaction.walk import redact_batch

LONGEST_LINE = 8 * 1024 * 1024
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----")
_KEY_BODY = re.compile(r"[\s>|#*'\"+]*(?:[A-Za-z0-9+/=\\]*|[A-Za-z-]+: .*)[\s'\",+\\]*")


class Lines:
    """Redacts one line after another."""

    def __init__(self) -> None:
        self._inside_key = False

    def text(self, line: str) -> str:
        """A line of running text, without its line break."""
        if self._inside_key:
            end = _END.search(line)
            if end is not None:
                self._inside_key = False
                return MARK + self.text(line[end.end() :])
            if _KEY_BODY.fullmatch(line):
                return MARK if line.strip() else line
            self._inside_key = False
        begin = list(_BEGIN.finditer(line))
        self._inside_key = bool(begin) and _END.search(line, begin[-1].end()) is None
        if line.lstrip()[:1] in {"{", "["}:
            return _json_line(line)
        return _text(line)

    def json(self, line: str) -> str:
        """A line that holds one JSON value, as a rule a string; the answer is one JSON value."""
        try:
            value = strictjson.loads(line, max_bytes=LONGEST_LINE)
        except Invalid:
            return json.dumps(_text(line))
        return json.dumps(_text(value) if isinstance(value, str) else redact_batch([value])[0][0])


def _text(text: str) -> str:
    result = redact_many([text])[0]
    return text if result is None else result[0]


def _json_line(line: str) -> str:
    """Redacted as text, so that its spelling stays; then as the value it stands for, since an
    escaped key (`"pass\\u0077ord"`) is found only so."""
    try:
        if len(line) > CAP // 4:
            return _dumped(redact_batch([strictjson.loads(line, max_bytes=LONGEST_LINE)])[0][0])
        text = _text(line)
        value = strictjson.loads(text)
    except Invalid:
        return _text(line)
    redacted = redact_batch([value])[0][0]
    return text if redacted == value else _dumped(redacted)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
