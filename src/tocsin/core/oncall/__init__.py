"""Who is on call: rotas of layers, turns by the wall clock, stand-ins, and one resolver for all who ask."""

from tocsin.core.oncall.resolve import Rotas, on_call, turns, whole_turns
from tocsin.core.oncall.review import Finding, Kind, Load, findings, load, shown
from tocsin.core.oncall.rota import Hours, Layer, Override, Rota, Seat, Turn, Unit, reaching
from tocsin.core.oncall.wall import wall_clock

__all__ = [
    "Finding",
    "Hours",
    "Kind",
    "Layer",
    "Load",
    "Override",
    "Rota",
    "Rotas",
    "Seat",
    "Turn",
    "Unit",
    "findings",
    "load",
    "on_call",
    "reaching",
    "shown",
    "turns",
    "wall_clock",
    "whole_turns",
]
