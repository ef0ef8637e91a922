"""The portal's routes, and the endpoint of the tests beside them."""

from __future__ import annotations

from django.urls import path

from controlplane.urls import handler400, handler403, handler404, handler500
from controlplane.urls import urlpatterns as _product
from tests.kit.mcp import _view, injected

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
urlpatterns = [path("mcp-tests", _view), path("mcp-injected", injected), *_product]
