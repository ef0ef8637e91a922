"""What customers read, on the desk."""

from __future__ import annotations

from django.urls import path

from incidents.desk import pages, updates

app_name = "incident_desk"
urlpatterns = [
    path("desk/customers/", updates.overview, name="overview"),
    path("desk/customers/messages/<uuid:uid>/", updates.message, name="message"),
    path("desk/customers/pages/<slug:slug>/", pages.public, name="page"),
]
