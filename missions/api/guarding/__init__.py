"""Safeguards, findings, exceptions, toolkits and sessions of missions, by API."""
