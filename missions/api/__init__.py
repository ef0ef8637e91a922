"""Missions by API."""
