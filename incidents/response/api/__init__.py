"""The answer to an incident, over the API."""
