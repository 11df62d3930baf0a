"""The arithmetic of the contract: fixed point, and what LiteRT computes."""

from mcucc.numerics.fixed_point import Rounding

__all__ = ["Rounding"]
