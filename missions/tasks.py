"""What runs by itself, and what a worker does when it is sent a bundle."""

from __future__ import annotations

from uuid import UUID

from controlplane.jobs.celery_app import app
from missions import jobs_guarding as _guarding  # noqa: F401 - known to every process
from missions import jobs_learning as _learning  # noqa: F401 - known to every process
from missions import jobs_plans as _plans  # noqa: F401 - known to every process
from missions.evidence import jobs as _evidence  # noqa: F401 - known to every process
from missions.governance import jobs as _governance  # noqa: F401
from missions.models import Bundle
from missions.services.evidence import bundles


@app.task(name="missions.bundle", time_limit=1_800, expires=600)
def make_bundle(bundle_id: int, token: str) -> None:
    """Claimed already: the token says by whom. Twice or too late it does nothing."""
    row = Bundle.objects.filter(pk=bundle_id, lease_token=UUID(token)).first()
    if row is not None:
        bundles.perform(row)


def send_bundle(bundle_id: int, token: str) -> None:
    make_bundle.apply_async(args=[bundle_id, token], expires=600, retry=False)
