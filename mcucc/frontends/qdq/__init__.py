"""ONNX files that are quantized already, by QuantizeLinear and DequantizeLinear."""

from mcucc.frontends.qdq.importer import import_quantized_onnx

__all__ = ["import_quantized_onnx"]
