"""Variants for Cortex-M4, M7 and M33: the DSP extension (runtime_c/kernels/armv7em)."""
