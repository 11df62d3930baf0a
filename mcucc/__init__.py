"""mcucc: a compiler for tiny vision networks on microcontrollers."""

__version__ = "0.1.0"
