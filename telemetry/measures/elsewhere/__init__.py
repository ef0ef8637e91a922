"""Figures that are no sums of events: of the catalogue, missions' days, other series."""
