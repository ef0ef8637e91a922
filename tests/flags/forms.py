"""Forms as a browser without script sends them: every field as it is, and one button."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client


class _Form(HTMLParser):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.inside = form, False
        self.fields: dict[str, list[str]] = {}
        self.presses: list[str] = []
        self.select = self.area = ""
        self.chosen: list[str] = []
        self.options: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = self.form in f"{told.get('id', '')} {told.get('class', '')}".split()
        if not self.inside:
            return
        name = told.get("name", "")
        if tag == "input" and name:
            box = told.get("type") in {"checkbox", "radio"}
            if not box or "checked" in told:
                self.fields.setdefault(name, []).append(told.get("value", "on" if box else ""))
        elif tag == "select":
            self.select, self.chosen, self.options = name, [], []
        elif tag == "option" and self.select:
            self.options.append(told.get("value", ""))
            if "selected" in told:
                self.chosen.append(told.get("value", ""))
        elif tag == "textarea":
            self.area = name
            self.fields[name] = [""]
        elif tag == "button" and "disabled" not in told:
            self.presses.append(told.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select" and self.select:
            self.fields[self.select] = self.chosen or self.options[:1]
            self.select = ""
        elif tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.inside and self.area:
            self.fields[self.area][0] += data


class Form:
    """The rule editor, opened; `press` sends what is in it, with what was typed meanwhile."""

    def __init__(self, browser: Client, url: str, form: str = "flag-form") -> None:
        self.browser, self.url, self.form = browser, url, form
        self._read(browser.get(url))

    def _read(self, answer: Any) -> None:
        self.answer, self.page = answer, answer.content.decode()
        found = _Form(self.form)
        found.feed(self.page)
        self.fields, self.presses = found.fields, found.presses

    def press(self, name: str, /, **typed: Any) -> HttpResponse:
        assert name in self.presses, (name, self.presses)
        sent = {**self.fields, **{key.replace("__", "-"): value for key, value in typed.items()}}
        answer = self.browser.post(self.url.split("?")[0], {**sent, "do": name})
        if answer.status_code != 302:
            self._read(answer)
        return answer  # type: ignore[return-value]
