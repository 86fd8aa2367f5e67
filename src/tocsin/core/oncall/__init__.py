"""Who is on call: rotas of layers, turns by the wall clock, stand-ins, and one resolver for all who ask."""

from tocsin.core.oncall.resolve import Rotas, on_call, turns
from tocsin.core.oncall.rota import Hours, Layer, Override, Rota, Seat, Turn, Unit
from tocsin.core.oncall.wall import wall_clock

__all__ = [
    "Hours",
    "Layer",
    "Override",
    "Rota",
    "Rotas",
    "Seat",
    "Turn",
    "Unit",
    "on_call",
    "turns",
    "wall_clock",
]
