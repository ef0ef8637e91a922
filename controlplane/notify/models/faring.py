"""How something outside fared at the last tries."""

from __future__ import annotations

from django.db import models


class Faring(models.Model):
    """Health as the last sends saw it: what fails in a row is a finding of the watch."""

    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    last_ok_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
