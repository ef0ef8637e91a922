"""Where the pages of this package's rows are."""

from __future__ import annotations

from typing import Any


def page_of(obj: Any) -> str:
    return f"/admin/{obj._meta.app_label}/{obj._meta.model_name}/{obj.pk}/change/"


def listing(model: Any, **query: Any) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    return f"{path}?{asked}" if asked else path
