"""Kernels for Armv7-M: a long multiply, no SIMD."""
