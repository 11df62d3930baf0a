"""Observers by name: min-max, percentile, mse, l2.4."""

from mcucc.quantize.observers.base import OBSERVERS, Observer, Range, Statistics
from mcucc.quantize.observers.min_max import MinMax
from mcucc.quantize.observers.mse import MeanSquaredError
from mcucc.quantize.observers.percentile import Percentile
from mcucc.quantize.observers.power import PowerError

__all__ = [
    "OBSERVERS",
    "MeanSquaredError",
    "MinMax",
    "Observer",
    "Percentile",
    "PowerError",
    "Range",
    "Statistics",
]
