"""One op, one file: attributes, shape rule, window, MACs, float and int8 reference, kernel."""

from mcucc.ops.base import (
    ConstArray,
    Granularity,
    Kernel,
    KernelCall,
    Op,
    Window,
    register,
    registry,
)

__all__ = [
    "ConstArray",
    "Granularity",
    "Kernel",
    "KernelCall",
    "Op",
    "Window",
    "register",
    "registry",
]
