"""The console's site: who gets in at all, and by which door."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, URLResolver, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from controlplane.access import policy
from controlplane.base import twins
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed

OWN = ("controlplane.", "incidents.", "missions.", "deployments.", "telemetry.")


class ConsoleSite(AdminSite):
    site_header = "Control plane"
    site_title = "Control plane"
    index_title = "Console"
    site_url = None
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Rows go by a service or not at all.
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only our own classes. Libraries bring stock pages along (groups, devices of the second
        factor with their keys), which ask Django's permissions and show every row."""
        if getattr(admin_class, "is_portal", False):
            super().register(model_or_iterable, admin_class, **options)
        elif admin_class is None or admin_class.__module__.startswith(OWN):
            raise ImproperlyConfigured(f"{admin_class} is no base.admin.ModelAdmin")

    # --- Getting in -----------------------------------------------------------------------

    def has_permission(self, request: HttpRequest) -> bool:
        actor = actor_of(request)
        return bool(
            request.user.is_active
            and actor.kind == "person"
            and may_enter(actor)
            and second_factor_done(request, actor)
        )

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is one sign-in page, and it is not the admin's. Somebody signed in who still
        lacks something is told what, instead of being sent round in a circle."""
        actor = actor_of(request)
        target = self._safe_next(request)
        if not request.user.is_authenticated:
            return _to("access:login", target)
        if not holds_something(actor):
            raise NotAllowed(
                "You hold no role in any workspace. Ask a workspace admin for one.",
                denial={
                    "actor": actor,
                    "action": "workspace.view",
                    "subject": "console:index",
                    "rule": "no_role",
                    "reason": "holds no role in any workspace",
                },
            )
        if not second_factor_done(request, actor):
            return _to("access:second_factor", target)
        if not may_enter(actor):
            return self._to_the_desk(request, actor, target)
        return HttpResponseRedirect(target)

    def _to_the_desk(self, request: HttpRequest, actor: Actor, target: str) -> HttpResponse:
        """Whoever signs and does not operate: a look leads to the same thing on the desk, what was
        sent is refused."""
        desk = twins.of(actor, target)
        if desk and request.method in {"GET", "HEAD"}:
            return HttpResponseRedirect(desk)
        policy.require(actor, "console.enter")
        return HttpResponseRedirect(target)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return HttpResponseRedirect(reverse("access:logout"), status=307)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return HttpResponseRedirect(reverse("access:password_change"))

    def password_change_done(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return HttpResponseRedirect(reverse("access:password_change"))

    def _safe_next(self, request: HttpRequest) -> str:
        login = reverse("admin:login", current_app=self.name)
        here = "" if request.path == login else request.get_full_path()
        target = request.GET.get("next", "") or (here if request.method == "GET" else "")
        safe = url_has_allowed_host_and_scheme(
            target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        return target if safe else reverse("admin:index", current_app=self.name)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Operators go by task, not by package: there is one way in."""
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Nothing. The sidebar leads everywhere, and nobody draws the stock list, which would
        ask for every model's permissions and addresses on every page."""
        return []

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Without the stock "view on site" redirect, which finds any row of any table by key."""
        return [
            entry for entry in super().get_urls() if getattr(entry, "name", None) != "view_on_site"
        ]


def holds_something(actor: Actor) -> bool:
    return bool(actor.roles or actor.superuser or actor.break_glass)


def may_enter(actor: Actor) -> bool:
    """The console is for whoever operates something; whoever just signs has the desk."""
    if actor.superuser or actor.break_glass:
        return True
    return bool(policy.can(actor, "console.enter"))


def second_factor_done(request: HttpRequest, actor: Actor) -> bool:
    if not settings.REQUIRE_SECOND_FACTOR or actor.second_factor_at is not None:
        return True
    is_verified = getattr(request.user, "is_verified", None)
    return bool(is_verified is not None and is_verified())


def _to(name: str, target: str) -> HttpResponseRedirect:
    try:
        url = reverse(name)
    except NoReverseMatch:
        url = reverse(settings.LOGIN_URL)
    return HttpResponseRedirect(f"{url}?{urlencode({'next': target})}")
