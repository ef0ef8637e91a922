"""Ways to reach a session where it runs, one small class each."""

from __future__ import annotations

from missions.threads.models import RuntimeSession
from missions.threads.waking.adapters.base import Adapter, Sent
from missions.threads.waking.adapters.pull import Pull
from missions.threads.waking.adapters.push import Push
from missions.threads.waking.adapters.tmux import Tmux
from missions.threads.waking.adapters.webhook import Webhook

_BY_NAME: dict[str, type[Adapter]] = {
    "mcp": Push, "pull": Pull, "sse": Push, "tmux": Tmux, "webhook": Webhook,
}  # fmt: skip


def adapter_of(session: RuntimeSession) -> Adapter:
    """Of a session that isn't woken by a command of its own."""
    return _BY_NAME[session.adapter](session)


__all__ = ["Adapter", "Sent", "adapter_of"]
