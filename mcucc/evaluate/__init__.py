"""Whether a compiled network is right: float, NumPy, C and the oracle side by side."""
