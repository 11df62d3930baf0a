"""ONNX files of floats."""

from mcucc.frontends.onnx.importer import ImportedModel, import_onnx

__all__ = ["ImportedModel", "import_onnx"]
