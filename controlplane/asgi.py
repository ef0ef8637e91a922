"""The stream process: long-polls and server-sent events, apart from the WSGI workers."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
_django = get_asgi_application()

from django.urls import get_resolver  # noqa: E402  (apps must be ready first)

from controlplane.base.streaming import givable_up  # noqa: E402
from controlplane.jobs import forks, hands  # noqa: E402
from controlplane.lib import collecting  # noqa: E402
from deployments.flags.serving import processes as flags  # noqa: E402
from missions.threads import told  # noqa: E402

forks.install()
hands.start("stream")
flags.begin()
told.begin()
_ = get_resolver().url_patterns  # every view, before the first request instead of within it
collecting.settle()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    hands.start("stream")  # again after a fork, which copies no threads
    flags.begin()
    told.begin()
    await _django(scope, receive, givable_up(send))
