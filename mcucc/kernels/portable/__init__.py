"""Variants in portable C (runtime_c/kernels/portable)."""
