"""The base of every task: takes no promises, carries the context, reports refusals."""

from __future__ import annotations

from typing import Any

from celery import Task
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from controlplane.audit.services import record_denied
from controlplane.lib import context
from controlplane.lib.errors import NotAllowed

_HEADER = "portal"
_CARRIED = (
    *("request_id", "correlation_id", "trace_id", "span_id"),
    *("workspace", "mission_id", "user_ref", "bd_issue"),
)


class PortalTask(Task[Any, Any]):
    """A task is an engine stroke over rows. It may be lost, doubled or late without harm.

    Delays are timers: a `countdown` or `eta` lives in the broker, is delivered again whenever it
    outlives the visibility timeout, and comes minutes late after a kill, so it is refused here.
    """

    abstract = True

    @classmethod
    def on_bound(cls, app: Any) -> None:
        if cls.name.startswith("celery."):
            return
        if not cls.time_limit or not cls.expires:
            raise ImproperlyConfigured(f"task {cls.name} needs a time_limit and expires")

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        *positional: Any,
        countdown: float | None = None,
        eta: Any = None,
        headers: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        if eta is not None or (countdown or 0) > 0:
            raise ValueError(f"{self.name}: no countdown or eta; set a timer (jobs.timers)")
        now = context.current()
        carried = {name: getattr(now, name) for name in _CARRIED if getattr(now, name)}
        headers = {**(headers or {}), _HEADER: carried}
        return super().apply_async(args, kwargs, *positional, headers=headers, **options)

    def retry(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("retries belong to rows: raise, and the lease comes round again")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with context.bind(**self._context()):
            try:
                return super().__call__(*args, **kwargs)
            except NotAllowed as error:
                record_denied(error)
                raise
            finally:
                if not (self.request.is_eager or self.request.called_directly):
                    # Back to the pool, or away when broken: nothing else in a worker looks.
                    connections.close_all()

    def _context(self) -> dict[str, str]:
        sent = getattr(self.request, _HEADER, None) or {}
        fields = {name: str(sent[name])[:128] for name in _CARRIED if sent.get(name)}
        fields.setdefault("request_id", self.request.id or context.new_id())
        fields.setdefault("correlation_id", fields["request_id"])
        return {**fields, "source": "job"}
