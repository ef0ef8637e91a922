"""Routes of the serving side. They stand before the admin's: the kill switch has its prefix."""

from __future__ import annotations

from deployments.flags.serving import kill
from deployments.flags.serving.ofrep import api as ofrep
from deployments.flags.serving.unleash import api as unleash

urlpatterns = [*kill.urlpatterns, *ofrep.urlpatterns, *unleash.urlpatterns]
