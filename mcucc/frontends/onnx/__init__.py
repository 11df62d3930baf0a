"""ONNX files of floats."""

from mcucc.frontends.onnx.importer import import_onnx

__all__ = ["import_onnx"]
