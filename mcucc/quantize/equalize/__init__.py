"""Equalisation of a float network: factors and offsets a channel that make int8's noise least."""

from mcucc.quantize.equalize.equalization import Equalized, equalize

__all__ = ["Equalized", "equalize"]
