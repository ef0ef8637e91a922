"""Readers of what senders say, one for each way of saying it."""

from incidents.intake.formats import (  # noqa: F401 - each registers itself
    alertmanager,
    cloudevents,
    generic,
    grafana,
    mail,
    pagerduty,
)
