"""Tables of the rotas."""

from controlplane.oncall.models.asking import SwapRequest
from controlplane.oncall.models.handing import HandoffNote, Wish
from controlplane.oncall.models.rotas import (
    EVERY_DAY,
    Feed,
    Gap,
    Layer,
    LayerPerson,
    Override,
    Schedule,
    every_day,
)

__all__ = [
    "EVERY_DAY",
    "Feed",
    "Gap",
    "HandoffNote",
    "Layer",
    "LayerPerson",
    "Override",
    "Schedule",
    "SwapRequest",
    "Wish",
    "every_day",
]
