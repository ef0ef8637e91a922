"""Alerts on their way in: kept as sent, read, judged, stored set by set, acted on."""
