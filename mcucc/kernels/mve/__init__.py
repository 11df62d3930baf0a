"""Variants for Helium (runtime_c/kernels/mve)."""
