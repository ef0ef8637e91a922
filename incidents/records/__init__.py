"""The record of an incident: opened, answered, judged, ended."""
