"""A packet as a file: everything in it, in any script, for whoever may see it."""

from __future__ import annotations

import hashlib
import html
import re
import zlib
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.approvals.models import Request
from tests import make
from tests.kit import approvals, inhabited, settled

SCRIPTS = "Ελληνικά Кириллица Tiếng Việt 日本語 العربية עברית हिन्दी 👩‍🚀 a\u202eb \ue000 \U0010ffff"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def rita(here: Workspace) -> User:
    return make.person(here, "release_manager", name="Rita Lund")


@settled.once
def browser(rita: User) -> Client:
    return make.client(rita)


def export(browser: Client, request: Request, kind: str) -> Any:
    return browser.get(reverse("approvals:export", args=(request.uid, kind)))


def read_pdf(content: bytes) -> int:
    """How many pages there are; every stream can be unpacked."""
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    for stream in re.findall(rb"/FlateDecode.*?stream\n(.*?)\nendstream", content, re.DOTALL):
        assert zlib.decompress(stream) is not None
    return len(re.findall(rb"/Type /Page\b(?!s)", content))


def test_html__all_of_it__and_the_hash_can_be_checked(
    here: Workspace, browser: Client, rita: User
) -> None:
    packet = {"what": "Turn it on <now>", "undo": {"label": "Kill it"}, "n": 1.5}
    asked = approvals.ask(here, packet=packet, title="Zürich first")
    approvals.sign(asked, make.actor(rita), comment="Looked at the canary.")
    answer = export(browser, asked, "html")
    assert answer["Content-Disposition"].startswith('attachment; filename="APR-')
    assert answer["X-Content-Type-Options"] == "nosniff"
    page = answer.content.decode()
    for said in ("Zürich first", "Kill it", "Rita Lund", "Looked at the canary.", "Approved"):
        assert said in page, said
    signed = html.unescape(re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)[-1])
    assert hashlib.sha256(signed.encode()).hexdigest() == asked.sha256
    assert asked.sha256 in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="', page)


def test_times__by_the_workspaces_clock__the_signed_text_as_it_was(
    here: Workspace, browser: Client
) -> None:
    Workspace.objects.filter(pk=here.pk).update(time_zone="Asia/Kathmandu")
    said = "Not before 2026-11-21 14:05 UTC."
    asked = approvals.ask(here, packet={"what": said}, title="By its clock")
    page = html.unescape(export(browser, asked, "html").content.decode())
    local = asked.asked_at.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert f"{local:%Y-%m-%d %H:%M:%S} Asia/Kathmandu" in page
    assert "Not before 2026-11-21 19:50 Asia/Kathmandu." in page
    assert re.search(r"Exported [0-9: -]{19} Asia/Kathmandu by", page)
    [*_, signed] = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    assert said in signed
    assert " UTC" not in page.replace(signed, "")


@pytest.mark.parametrize("text", [SCRIPTS, inhabited.HOSTILE, "w" * 3_000, "\x01\x02\t\x7f", ""])
def test_any_text__both_files_are_whole(here: Workspace, browser: Client, text: str) -> None:
    packet = {
        "what": text, "undo": [text, {"title": text}], "before": {"a": text},
        "after": {"b": [text]},
        "deep": {"a": [{"b": [{"c": text}]}]}, text[:40] or "k": text,
    }  # fmt: skip
    asked = approvals.ask(here, packet=packet, title=(text[:150].strip("\x01\x02\t\x7f") or "t"))
    page = export(browser, asked, "html").content.decode()
    assert "<img src=x" not in page
    assert read_pdf(export(browser, asked, "pdf").content) >= 1


@pytest.mark.slow
def test_pdf__as_large_as_a_packet_may_be__cut_and_said(here: Workspace, browser: Client) -> None:
    lines = {f"key {number}": "A line of some words. " * 12 for number in range(700)}
    asked = approvals.ask(here, packet={"what": "x " * 20_000, **lines})
    assert 5 < read_pdf(export(browser, asked, "pdf").content) < 80
    assert "key 699" in export(browser, asked, "html").content.decode()


def test_no_such_kind__nothing_there(here: Workspace, browser: Client) -> None:
    asked = approvals.ask(here)
    assert export(browser, asked, "docx").status_code == 404
    assert browser.post(reverse("approvals:export", args=(asked.uid, "pdf"))).status_code == 405


def test_stranger__gets_no_file(here: Workspace) -> None:
    asked = approvals.ask(here)
    there = make.client(make.person(make.workspace(), "release_manager"))
    for kind in ("html", "pdf"):
        assert export(there, asked, kind).status_code == 404
        assert export(Client(), asked, kind).status_code == 302


def test_pdf__of_many_lines__leaves_none_of_them_out(here: Workspace, browser: Client) -> None:
    """A cell taller than a page goes on in the next row."""
    from controlplane.approvals.export import pdf

    lines = [f"Line {number} of them, {'a' * 64}." for number in range(180)]
    asked = approvals.ask(here, packet={**approvals.PACKET, "lines": lines, "text": "word " * 900})
    assert read_pdf(export(browser, asked, "pdf").content) > 5
    beyond = {**approvals.PACKET, "lines": [f"Line {number}" for number in range(203)]}
    page = export(browser, approvals.ask(here, packet=beyond), "html").content.decode()
    assert "and 3 more: they are in the text that is signed" in page
    for cell in ("\n".join(lines), "word " * 900, "a" * 5_000, "\n" * 400, "", "a\nb"):
        pieces = pdf._pieces(cell)
        assert "".join("".join(pieces).split()) == "".join(cell.split())
        assert max(len(each) for each in pieces) <= 900
        assert max(each.count("\n") for each in pieces) <= 30
