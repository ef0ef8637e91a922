"""The web process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
_django = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402  (apps must be ready first)

from controlplane.base.database.base import keep_between_requests  # noqa: E402
from controlplane.jobs import forks, hands  # noqa: E402
from controlplane.lib import collecting  # noqa: E402
from deployments.flags.serving import processes as flags  # noqa: E402
from missions.threads import told  # noqa: E402

forks.install()
keep_between_requests()
hands.start("web")
flags.begin()
told.begin()
_ = get_resolver().url_patterns  # every view, before the first request instead of within it
collecting.settle()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    hands.start("web")  # again after a fork, which copies no threads
    flags.begin()
    told.begin()
    return _django(environ, start_response)
