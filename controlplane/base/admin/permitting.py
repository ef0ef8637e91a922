"""Who may do what with rows in the console: policy is asked, and a refusal says what it refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.lib.errors import NotAllowed


def door(action_of: str) -> Callable[[Any], Any]:
    """Turn Django's bare refusal into ours, which says what was refused and reaches the audit."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def guarded(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(self, request, *args, **kwargs)
            except PermissionDenied:
                adds = (
                    action_of == "change" and (args[0] if args else kwargs.get("object_id")) is None
                )
                raise self.denied(request, "add" if adds else action_of) from None

        return guarded

    return decorate


class Permitting:
    """The policy actions of a model; None means nobody, ever."""

    view_action: ClassVar[str]
    add_action: ClassVar[str | None] = None
    change_action: ClassVar[str | None] = None
    delete_action: ClassVar[str | None] = None
    opts: Any

    def permits(self, request: HttpRequest, action: str | None, obj: Any = None) -> bool:
        return action is not None and policy.can(actor_of(request), action, obj).allowed

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.permits(request, self.view_action)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.permits(request, self.view_action, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.permits(request, self.add_action)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.permits(request, self.change_action, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.permits(request, self.delete_action, obj)

    def denied(self, request: HttpRequest, kind: str) -> NotAllowed:
        if kind == "change" and request.method in {"GET", "HEAD"}:
            kind = "view"  # a row's page is read there first
        action = getattr(self, f"{kind}_action") or self.view_action
        decision = policy.can(actor_of(request), action)
        # Where the kind is allowed its reason names a role: then this very row is refused.
        reason = f"You may not {kind} this one." if decision.allowed else decision.reason
        if getattr(self, f"{kind}_action") is None:
            reason = f"Nobody may {kind} this here."
        return NotAllowed(
            reason,
            denial={
                "actor": actor_of(request),
                "action": action,
                "subject": f"{self.opts.label_lower}:*",
                "rule": "role",
                "reason": reason,
            },
        )
