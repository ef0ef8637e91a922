"""Flags by the API: made, changed, killed, asked about. SDKs have doors of their own."""
