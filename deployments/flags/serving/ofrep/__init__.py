"""OFREP v1, the OpenFeature remote evaluation protocol."""
