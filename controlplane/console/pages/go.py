"""The palette: go to a page, find a ref, act by typing. A page without script, JSON with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base.registries import (
    Target,
    key_finders,
    name_finders,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.base.web import actor_of, workspace_of
from controlplane.console.models import SavedView
from controlplane.console.pages.common import console, show
from controlplane.console.surviving import survive
from controlplane.lib import refs
from controlplane.lib.actors import Actor

MOST = 12
MOST_NAMED = 4  # of each kind
SHORTEST_NAME = 2
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str  # "Find", "Act", "Go to", "Saved view", "Search"
    label: str
    url: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    hits: list[Hit]
    note: str = ""  # why what was typed leads nowhere


@require_safe
@console
def go(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").replace("\x00", "")[:LONGEST].strip()
    workspace = workspace_of(request)
    found = answer(actor_of(request), workspace.pk if workspace else None, text)
    if request.GET.get("format") == "json":
        return JsonResponse(asdict(found))
    hits = found.hits
    # A ref or key that was typed whole is an address.
    if hits and hits[0].kind == "Find":
        return HttpResponseRedirect(hits[0].url)
    context = {"title": "Go to", "query": text, "verbs": verbs(actor_of(request))}
    return show(request, "console/go.html", {**context, "hits": hits, "note": found.note})


def verbs(actor: Actor) -> list[dict[str, str]]:
    """What can be typed, for the help under the field."""
    return [
        {"verb": verb.verb, "takes": verb.takes, "label": verb.about or verb.label}
        for verb in palette_verbs
        if policy.can(actor, verb.action)
    ]


def find(actor: Actor, workspace_id: int | None, text: str) -> list[Hit]:
    return answer(actor, workspace_id, text).hits


def answer(actor: Actor, workspace_id: int | None, text: str) -> Answer:
    """Best first: the ref itself, what can be done, where one can go, where to search on."""
    acts, missing = _acts(actor, workspace_id, text)
    named, unknown = _refs(actor, workspace_id, text)
    named += _keys(actor, workspace_id, text)
    hits = [*named, *acts]
    if not missing and not named:
        hits += _named(actor, workspace_id, text)
    hits += _places(actor, text)
    # Whoever types "run backup" wants it run, and what is called by its ref or key is the whole
    # answer: lists that hold these words are none.
    if not missing and not named:
        hits += _searches(actor, text)
    note = "" if hits or not text else f"Nothing is called “{text}”."
    return Answer(hits, missing or unknown or note)


def _refs(actor: Actor, workspace_id: int | None, text: str) -> tuple[list[Hit], str]:
    """Where the ref leads; and what to say when the kind is known, but not this one of it."""
    ref = refs.parse(text)
    finder = ref_finders.get(ref.prefix) if ref is not None else None
    if ref is None or finder is None:
        return [], ""
    target = survive(
        lambda: finder.find(actor, workspace_id, ref.number), None, f"finder {finder.slug}"
    )
    if target is None:
        return [], f"You see no {finder.label} {text.upper()}."
    return [Hit("Find", target.label, target.url, target.hint or finder.label)], ""


# Something, a dash, something: every text is asked for at each key, most of them hold no key.
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}-[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def _keys(actor: Actor, workspace_id: int | None, text: str) -> Iterator[Hit]:
    if not _KEY.fullmatch(text):
        return
    for finder in key_finders:
        target: Target | None = survive(
            lambda finder=finder: finder.find(actor, workspace_id, text),  # type: ignore[misc]
            None,
            f"finder {finder.slug}",
        )
        if target is not None:
            yield Hit("Find", target.label, target.url, target.hint or finder.label)


def _named(actor: Actor, workspace_id: int | None, text: str) -> Iterator[Hit]:
    """People, agents, services by name: what begins as was typed before what only holds it."""
    if len(text) < SHORTEST_NAME:
        return
    found: list[Hit] = []
    for finder in name_finders:
        if not policy.can(actor, finder.action):
            continue
        targets: Sequence[Target] = survive(
            lambda finder=finder: finder.find(actor, workspace_id, text),  # type: ignore[misc]
            [],
            f"names of {finder.slug}",
        )
        found += [
            Hit("Open", target.label, target.url, f"{finder.label} · {target.hint}".strip(" ·"))
            for target in targets[:MOST_NAMED]
        ]
    yield from sorted(found, key=lambda hit: not hit.label.lower().startswith(text.lower()))


def _acts(actor: Actor, workspace_id: int | None, text: str) -> tuple[list[Hit], str]:
    """What the typed verbs can act on; and what to say when one was typed whole, but nothing is
    called as was said after it."""
    hits, missing = [], ""
    for verb in palette_verbs:
        said = text.lower().startswith(f"{verb.verb} ")
        begun = bool(text) and verb.verb.startswith(text.lower())
        if not (said or begun) or not policy.can(actor, verb.action):
            continue
        rest = text[len(verb.verb) :].strip() if said else ""
        targets: Sequence[Target] = survive(
            lambda verb=verb, rest=rest: verb.find(actor, workspace_id, rest),  # type: ignore[misc]
            [],
            f"verb {verb.slug}",
        )
        hits += [
            Hit("Act", f"{verb.label} {target.label}", target.url, target.hint)
            for target in targets[:6]
        ]
        if said and not targets:
            missing = f"No {verb.noun or verb.takes.lower()} is called “{rest}”."
    return hits, "" if hits else missing


def _places(actor: Actor, text: str) -> Iterator[Hit]:
    words = text.lower().split()
    found = 0
    for label, url, about, kind in _all_places(actor):
        if all(word in about for word in words):
            yield Hit(kind, label, url)
            found += 1
            if found >= MOST:
                return


def _all_places(actor: Actor) -> Iterator[tuple[str, str, str, str]]:
    seen: set[str] = set()
    known = {_at(page.url): " ".join(page.keywords) for page in palette_actions}
    for item in sorted(nav_items, key=lambda item: item.order):
        if policy.can(actor, item.action):
            url = reverse(item.url)
            seen.add(url)
            words = f"{item.label} {item.group} {item.slug} {known.get(url, '')}"
            yield item.label, url, words.lower(), "Go to"
    for page in palette_actions:
        url = _at(page.url)
        if policy.can(actor, page.action) and url not in seen:
            seen.add(url)
            yield page.label, url, " ".join([page.label, *page.keywords]).lower(), "Go to"
    for model, model_admin in admin.site._registry.items():
        action = getattr(model_admin, "view_action", "")
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if url not in seen and policy.can(actor, action):
            label = getattr(model_admin, "called", "")
            yield label, url, f"{label} {model._meta.app_label}".lower(), "Go to"
    for view in SavedView.objects.visible_to(actor)[:100]:
        yield view.name, view.url, view.name.lower(), "Saved view"


def _at(url: str) -> str:
    """A page's address, where an action has it or the name of its route."""
    return url if url.startswith("/") else reverse(url)


def _searches(actor: Actor, text: str) -> Iterator[Hit]:
    """Nothing is a dead end: the lists that search by text are offered with these words."""
    if len(text) < 2:
        return
    for model, model_admin in admin.site._registry.items():
        searched = getattr(model_admin, "in_palette", False) and model_admin.search_fields
        if searched and policy.can(actor, getattr(model_admin, "view_action", "")):
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            label = str(model._meta.verbose_name_plural)
            yield Hit("Search", f"“{text}” in {label}", f"{url}?{_query(text)}")


def _query(text: str) -> str:
    return urlencode({"q": text, "view": "all"})
