"""People and access in the console: lists to look through, buttons that call services."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from controlplane.access import admin_keys, policy, services
from controlplane.access.devices import device_name
from controlplane.access.models import (
    AccessReview,
    AccountLock,
    BreakGlass,
    Grant,
    Membership,
    User,
    UserSession,
    Workspace,
)
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of
from controlplane.lib import clock

__all__ = ["admin_keys"]  # agents, keys and issuers are registered there
_EMPTY = admin.EmptyFieldListFilter
_ROLES_SHOWN = 3


@admin.register(Workspace)
class WorkspaceAdmin(ModelAdmin[Workspace]):
    view_action = "workspace.view"
    labels = {"created_at": "Made"}
    change_action = "workspace.manage"
    about = "Where you are a member. Nothing of one is seen in another."
    empty = "You are a member of no workspace."
    empty_hint = "A workspace admin adds you; a superuser comes in by break-glass, with a reason."
    edit_fields = ("name", "time_zone")
    fields = ("state", "slug", "name", "time_zone", "is_demo", "created_at", "archived_at")
    list_display = ("name", "slug", "time_zone", "is_demo", "created_at")
    list_filter = ("is_demo",)
    search_fields = ("slug", "name")

    @admin.display(description="State")
    def state(self, obj: Workspace) -> str:
        return "open" if obj.archived_at is None else "archived"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        """A superuser knows of the others, to name one when breaking glass; until then their
        pages are closed, and a list that led there would only lead to a refusal."""
        return super().get_queryset(request).filter(pk__in=actor_of(request).workspace_ids)

    def service_save(
        self, request: HttpRequest, obj: Workspace, form: object, change: bool
    ) -> Workspace:
        values = form.cleaned_data  # type: ignore[attr-defined]
        return services.change_workspace(
            obj, actor=actor_of(request), name=values["name"], time_zone=values["time_zone"]
        )


def _closed(user: User) -> str:
    return "" if user.is_active else "The account is closed already."


def _open(user: User) -> str:
    return "The account is open." if user.is_active else ""


@admin.register(User)
class UserAdmin(ModelAdmin[User]):
    view_action = "member.view"
    labels = {
        "is_active": "Account open",
        "created_at": "Since",
        "last_login": "Last signed in",
        "password_changed_at": "Password changed",
    }
    about = "Everybody with an account whom you work with."
    tabs = (("Open", "is_active__exact=1"), ("Closed", "is_active__exact=0"), ("All", "view=all"))
    empty = "No account of this kind."
    empty_hint = "An account comes with the first membership: add a member, and they get a mail."
    list_display = ("email", "name", "is_active", "is_superuser", "created_at")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "name")
    fields = (
        "state",
        "email",
        "name",
        "time_zone",
        "is_superuser",
        "created_at",
        "password_changed_at",
        "last_login",
    )

    @admin.display(description="State")
    def state(self, obj: User) -> str:
        return "active" if obj.is_active else "closed"

    @button(
        label="Close the account", action="member.manage", reason=True, typed=True, when=_closed
    )
    def deactivate(self, request: HttpRequest, obj: User, reason: str) -> str:
        services.deactivate_user(obj, actor=actor_of(request), reason=reason)
        return "The account is closed; its sessions have ended."

    @button(label="Open the account again", action="member.manage", reason=True, when=_open)
    def reactivate(self, request: HttpRequest, obj: User, reason: str) -> str:
        services.reactivate_user(obj, actor=actor_of(request), reason=reason)
        return "The account is open again."


@admin.register(Membership)
class MembershipAdmin(ModelAdmin[Membership]):
    view_action = "member.view"
    labels = {"user": "Member", "created_at": "Since", "left_at": "Left"}
    about = "Who belongs to which workspace, and since when. Roles are on a member's page."
    tabs = (("Members", "left_at__isempty=1"), ("Left", "left_at__isempty=0"), ("All", "view=all"))
    empty = "Nobody."
    empty_hint = "Members are added under Access, Members."
    list_display = ("user", "workspace", "roles", "created_at", "left_at")
    list_filter = ("workspace", ("left_at", _EMPTY))
    list_select_related = ("user", "workspace")
    search_fields = ("user__email", "user__name")
    fields = ("state", "user", "workspace", "roles", "created_at", "left_at")

    @admin.display(description="State")
    def state(self, obj: Membership) -> str:
        return "active" if obj.left_at is None else "left"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        held = Prefetch("grants", queryset=Grant.objects.held(), to_attr="held")
        return super().get_queryset(request).prefetch_related(held)

    @admin.display(description="Roles")
    def roles(self, obj: Membership) -> str:
        """Where they are granted and revoked is a page of its own, of members only."""
        if obj.left_at is not None:
            return ""
        held: list[Grant] = obj.held  # type: ignore[attr-defined]
        url = reverse("access:member", kwargs={"uid": obj.user.uid})
        names = sorted({policy.role_label(grant.role) for grant in held})
        if len(names) > _ROLES_SHOWN:
            names[_ROLES_SHOWN:] = [f"{len(names) - _ROLES_SHOWN} more"]
        return format_html(
            '<a href="{}?workspace={}">{}</a>',
            url,
            obj.workspace.slug,
            ", ".join(names) or "No role",
        )

    @button(label="Lock the account", action="member.lock", reason=True, quiet=True)
    def lock(self, request: HttpRequest, obj: Membership, reason: str) -> str:
        services.lock_account(obj.user, actor=actor_of(request), reason=reason)
        return "The account is locked."

    @button(label="End all their sessions", action="member.end_session", reason=True, quiet=True)
    def end_sessions(self, request: HttpRequest, obj: Membership, reason: str) -> str:
        count = services.end_all_sessions(obj.user, actor=actor_of(request), reason=reason)
        return f"{count} sessions have ended."

    @button(label="Remove from the workspace", action="member.manage", reason=True, quiet=True)
    def remove(self, request: HttpRequest, obj: Membership, reason: str) -> str:
        services.remove_member(obj, actor=actor_of(request), reason=reason)
        return "Removed; every role here has ended."


def _held(grant: Grant) -> str:
    return "" if grant.revoked_at is None else "This role has been revoked already."


@admin.register(Grant)
class GrantAdmin(ModelAdmin[Grant]):
    view_action = "member.view"
    labels = {"membership": "Held by", "expires_at": "Ends"}
    about = "Each role somebody holds or held: by whom it was given, and until when."
    tabs = (
        ("Held", "revoked_at__isempty=1"),
        ("Revoked", "revoked_at__isempty=0"),
        ("All", "view=all"),
    )
    empty = "No role of this kind."
    empty_hint = "Roles are granted on a member's page."
    list_display = (
        "role",
        "membership",
        "granted_by",
        "granted_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (("revoked_at", _EMPTY), ("expires_at", _EMPTY))
    list_select_related = ("membership__user", "membership__workspace")
    search_fields = ("role", "membership__user__email")
    workspace_lookup = "membership__workspace"
    head_clocks = ("expires_at",)
    facts = (
        "state", "role", "membership", "granted_by", "granted_at", "expires_at", "revoked_at",
        "revoked_by",
    )  # fmt: skip

    @admin.display(description="State")
    def state(self, obj: Grant) -> str:
        if obj.revoked_at is not None:
            return "revoked"
        expired = obj.expires_at is not None and obj.expires_at <= clock.now()
        return "expired" if expired else "held"

    def heading(self, obj: Grant) -> str:
        return f"{policy.role_label(obj.role)} for {obj.membership}"

    @button(label="Revoke", action="member.revoke", reason=True, when=_held, quiet=True)
    def revoke(self, request: HttpRequest, obj: Grant, reason: str) -> str:
        services.revoke_role(obj, actor=actor_of(request), reason=reason)
        return "The role is revoked."


def _stands(lock: AccountLock) -> str:
    passed = lock.until is not None and lock.until <= clock.now()
    return "This lock has ended." if lock.unlocked_at is not None or passed else ""


@admin.register(AccountLock)
class AccountLockAdmin(ModelAdmin[AccountLock]):
    view_action = "member.view"
    labels = {"workspace": "Locked by workspace", "until": "Until"}
    about = "Accounts and agents that are kept out, by whom and why."
    tabs = (
        ("Locked", "unlocked_at__isempty=1"),
        ("Unlocked", "unlocked_at__isempty=0"),
        ("All", "view=all"),
    )
    empty = "Nobody is locked out."
    empty_hint = "A member or an agent is locked on their page: at once, with a reason."
    list_display = ("whom", "reason", "locked_by", "locked_at", "until", "unlocked_at")
    list_filter = (("unlocked_at", _EMPTY),)
    list_select_related = ("user", "agent")
    search_fields = ("user__email", "agent__name", "reason")
    head_clocks = ("until",)
    facts = (
        "state", "user", "agent", "workspace", "reason", "locked_by", "locked_at", "until",
        "unlocked_at", "unlocked_by",
    )  # fmt: skip

    @admin.display(description="Locked out")
    def whom(self, obj: AccountLock) -> str:
        return str(obj.user or obj.agent)

    def heading(self, obj: AccountLock) -> str:
        return f"{obj.user.name if obj.user else obj.agent} is locked out"

    @admin.display(description="State")
    def state(self, obj: AccountLock) -> str:
        return "ended" if _stands(obj) else "locked"

    @button(label="Unlock", action="member.unlock", reason=True, when=_stands)
    def unlock(self, request: HttpRequest, obj: AccountLock, reason: str) -> str:
        services.unlock_account(obj, actor=actor_of(request), reason=reason)
        return "Unlocked."


def _glass_open(glass: BreakGlass) -> str:
    ended = glass.ended_at is not None or glass.ends_at <= clock.now()
    return "This break-glass has ended." if ended else ""


@admin.register(BreakGlass)
class BreakGlassAdmin(ModelAdmin[BreakGlass]):
    view_action = "break_glass.view"
    labels = {"user": "Who"}
    about = "Superusers who came into a workspace without a role in it: why, and until when."
    tabs = (("Open", "ended_at__isempty=1"), ("Ended", "ended_at__isempty=0"), ("All", "view=all"))
    empty = "No glass is broken."
    empty_hint = "It is opened under Access, Break-glass, and ends by itself."
    list_display = ("user", "workspace", "reason", "started_at", "ends_at", "ended_at")
    list_filter = ("workspace", ("ended_at", _EMPTY))
    list_select_related = ("user", "workspace")
    search_fields = ("user__email", "reason")
    head_clocks = ("started_at", "ends_at")
    facts = ("state", "user", "workspace", "reason", "started_at", "ends_at", "ended_at")

    @admin.display(description="State")
    def state(self, obj: BreakGlass) -> str:
        return "ended" if _glass_open(obj) else "open"

    @button(label="End it", action="break_glass.close", when=_glass_open)
    def close(self, request: HttpRequest, obj: BreakGlass, reason: str) -> str:
        services.close_break_glass(obj, actor=actor_of(request))
        return "Ended."


@admin.register(AccessReview)
class AccessReviewAdmin(ModelAdmin[AccessReview]):
    view_action = "access_review.view"
    labels = {"period": "Quarter", "status": "State"}
    about = "Every quarter somebody looks at who may what, line by line, and signs."
    empty = "No review yet."
    empty_hint = "The first is made with the quarter, or at once under Govern, Access reviews."
    list_display = ("period", "workspace", "state", "due_at", "signed_by", "signed_at")
    list_filter = ("workspace", "status")
    list_select_related = ("workspace", "signed_by")
    head_clocks = ("due_at",)
    facts = ("state", "period", "workspace", "due_at", "signed_by", "signed_at", "statement")

    @admin.display(description="State", ordering="status")
    def state(self, obj: AccessReview) -> str:
        late = obj.status == AccessReview.Status.OPEN and obj.due_at < clock.now()
        return "overdue" if late else str(obj.status)

    @button(label="Open the lines", action="access_review.view")
    def lines(self, request: HttpRequest, obj: AccessReview, reason: str) -> HttpResponse:
        url = reverse("access:review", kwargs={"period": obj.period})
        return HttpResponseRedirect(f"{url}?workspace={obj.workspace.slug}")


@admin.register(UserSession)
class UserSessionAdmin(ModelAdmin[UserSession]):
    """One's own: nobody else's whereabouts are anybody's business."""

    view_action = "workspace.view"
    labels = {"address": "From", "second_factor_at": "Second factor given"}
    about = "Where you are signed in. End what you don't recognise, then change your password."
    tabs = (("Open", "ended_at__isempty=1"), ("Ended", "ended_at__isempty=0"), ("All", "view=all"))
    empty = "No session of this kind."
    list_display = ("device", "address", "started_at", "last_seen_at", "ended_at")
    list_filter = (("ended_at", _EMPTY),)
    head_clocks = ("last_seen_at",)
    fields = (
        "state",
        "device",
        "address",
        "started_at",
        "last_seen_at",
        "second_factor_at",
        "ended_at",
        "ended_by",
    )

    @admin.display(description="State")
    def state(self, obj: UserSession) -> str:
        return "open" if obj.ended_at is None else "ended"

    @admin.display(description="Browser", ordering="browser")
    def device(self, obj: UserSession) -> str:
        return format_html('<span title="{}">{}</span>', obj.browser, device_name(obj.browser))

    def heading(self, obj: UserSession) -> str:
        return device_name(obj.browser)

    @button(label="End it", action="workspace.view", quiet=True)
    def end(self, request: HttpRequest, obj: UserSession, reason: str) -> str:
        services.end_session(obj, actor=actor_of(request))
        return "That session has ended."
