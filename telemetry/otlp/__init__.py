"""OTLP/HTTP: logs and traces as OpenTelemetry's exporters send them, stored as events.

A body is read (`protobuf` or `jsonform`, both by the table in `schema`) into plain values, each
record becomes an `Incoming` (`logs`, `spans`), and from there on it goes the way of any event:
redaction, verdicts, duplicates, refusals. `answers` says what came of it in OTLP's words.
"""
