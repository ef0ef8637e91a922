"""Routes of the serving side. They stand before all others: the kill switch has the admin's prefix,
and to be found behind hundreds of routes would cost more than to evaluate a flag."""

from __future__ import annotations

from django.urls import include, path

from deployments.flags.serving import kill
from deployments.flags.serving.ofrep import api as ofrep
from deployments.flags.serving.unleash import api as unleash

urlpatterns = [
    path("ofrep/v1/evaluate/", include(ofrep.urlpatterns)),
    path("unleash/api/", include(unleash.urlpatterns)),
    path("admin/flags/", include(kill.urlpatterns)),
]
