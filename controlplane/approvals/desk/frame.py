"""Who may enter the desk, and what stands around each of its pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode

from controlplane.access import policy
from controlplane.approvals.desk.tabs import tabs
from controlplane.approvals.links import DESK
from controlplane.base.registries import BannerText, banners
from controlplane.base.site import holds_something, may_enter, second_factor_done
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import NotAllowed

logger = logging.getLogger(__name__)
View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """For every person who holds a role and has signed in all the way."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        actor = actor_of(request)
        if not request.user.is_authenticated or actor.kind != "person":
            return _sign_in(request, "access:login")
        if not holds_something(actor):
            raise NotAllowed(
                "You hold no role in any workspace. Ask a workspace admin for one.",
                denial={
                    "actor": actor,
                    "action": "workspace.view",
                    "subject": "desk:inbox",
                    "rule": "no_role",
                    "reason": "holds no role in any workspace",
                },
            )
        if not second_factor_done(request, actor):
            return _sign_in(request, "access:second_factor")
        if not actor.superuser:
            policy.require(actor, "approval.view")
        return view(request, *args, **kwargs)

    return guarded


def _sign_in(request: HttpRequest, step: str) -> HttpResponseBase:
    """And back to the page; a form that was sent is sent again knowingly."""
    here = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("desk:inbox")
    return redirect(f"{reverse(step)}?{urlencode({'next': here})}")


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Never cached: it shows one person's things, and what is signed must be what stands."""
    whole = {"desk": Frame(request), "places": DESK, **context}
    answer = render(request, f"desk/{template}", whole, status=status)
    add_never_cache_headers(answer)
    return answer


class Frame:
    """Asked by templates when they draw it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor = actor_of(request)
        workspace = workspace_of(request)
        self.workspace_id = workspace.pk if workspace is not None else None

    @property
    def console(self) -> bool:
        return may_enter(self.actor)

    @property
    def banners(self) -> list[BannerText]:
        """One that fails is left out: it must not take what is to be signed with it."""
        found: list[BannerText] = []
        for banner in banners:
            try:
                found += banner.show(self.actor, self.workspace_id)
            except DatabaseError:
                raise
            except Exception:
                logger.exception("the desk's banner %s failed", banner.slug)
        return found

    @property
    def tabs(self) -> list[dict[str, Any]]:
        """In order; the one whose address this page's begins with, at its longest, is here. All
        of the desk begins with the inbox's, which only the packets belong to."""
        shown = [tab for tab in tabs if policy.can(self.actor, tab.action)]
        urls = {tab.slug: reverse(tab.url) for tab in shown}
        path, home = self.request.path, reverse("desk:inbox")
        begins = {slug: f"{home}approvals/" if url == home else url for slug, url in urls.items()}
        fitting = [
            slug for slug, url in urls.items() if path == url or path.startswith(begins[slug])
        ]
        here = max(fitting, key=lambda slug: len(begins[slug]), default="")
        return [
            {
                "label": tab.label,
                "url": urls[tab.slug],
                "icon": tab.icon,
                "here": tab.slug == here,
                "count": tab.count(self.actor, self.workspace_id) if tab.count else 0,
            }
            for tab in sorted(shown, key=lambda tab: tab.order)
        ]
