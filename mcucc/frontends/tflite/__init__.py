"""Int8 .tflite files."""

from mcucc.frontends.tflite.importer import import_tflite

__all__ = ["import_tflite"]
