from __future__ import annotations

from django.contrib.admin import AdminSite


class ConsoleSite(AdminSite):
    site_header = "Control plane"
    site_title = "Control plane"
