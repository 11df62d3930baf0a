"""Which runtime has a word on a quantized file: LiteRT on a .tflite, ONNX Runtime on ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.litert import LitertSession
from mcucc.oracles.onnx_runtime import OnnxOracle
from mcucc.oracles.oracle import Oracle, RefusedError


def oracle_name(source: Path) -> str:
    """The runtime that has files of this format."""
    return LitertSession.NAME if source.suffix.lower() == ".tflite" else OnnxOracle.NAME


def open_oracle(
    path: Path, rounding: Rounding, input_shapes: Mapping[str, tuple[int, ...]]
) -> Oracle | str:
    """The runtime for a quantized file, or why there is none."""
    if path.suffix.lower() != ".tflite":
        return OnnxOracle.open(path, input_shapes)
    try:
        return LitertSession(path, rounding)
    except ImportError:
        return "ai-edge-litert is not installed"
    except RefusedError as error:
        return error.what
