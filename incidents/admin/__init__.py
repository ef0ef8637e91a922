"""The console's lists and pages of alerts, incidents and calls."""

from incidents.admin import alert_rules, alerts, messages, silences, sources

__all__ = ["alert_rules", "alerts", "messages", "silences", "sources"]
