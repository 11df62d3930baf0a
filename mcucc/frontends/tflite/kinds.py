"""Which kind of .tflite file this is, where it is not the int8 kind mcucc compiles."""

from __future__ import annotations

from collections.abc import Iterator

from mcucc.frontends.tflite.file import TfliteFile

CONTROL_FLOW = frozenset({"IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE"})
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
DYNAMIC = "dynamic shapes"
_REQUANTIZE = (
    "convert with full integer quantization: a representative dataset and "
    "supported_ops = [TFLITE_BUILTINS_INT8]; or give mcucc the float ONNX file and pictures"
)


def kinds_of(file: TfliteFile) -> Iterator[tuple[str, str, str]]:
    """(kind, why, what to do) for every property of the whole file that is in the way."""
    yield from structure(file)
    yield from _element_types(file)


def structure(file: TfliteFile) -> Iterator[tuple[str, str, str]]:
    """The same for what does not depend on element types."""
    flow = sorted({op.kind for op in file.operators if op.kind in CONTROL_FLOW})
    if flow:
        yield "control flow", f"uses {', '.join(flow)}", "export the network without loops or calls"
    elif file.subgraphs > 1:
        yield (
            "several networks",
            f"{file.subgraphs} subgraphs in one file",
            "convert one signature of the model alone",
        )
    if not file.operators:
        yield "empty network", "the file has no operators", "convert the model again"
    dynamic = [file.tensors[i].name for i in file.inputs if -1 in file.tensors[i].signature[1:]]
    if dynamic:
        yield (
            DYNAMIC,
            f"the size of the input {', '.join(dynamic)} is not fixed",
            "convert with a fixed input shape: --input-shape cannot change those of a .tflite",
        )


def _element_types(file: TfliteFile) -> Iterator[tuple[str, str, str]]:
    floats = int8 = hybrid = half = False
    for op in file.operators:
        tensors = [file.tensors[i] for i in op.inputs if i >= 0]
        if op.kind == "TRANSPOSE_CONV":  # output shape, weights, x, bias
            tensors = [*tensors[2:3], *tensors[1:2]]
        names = [t.type_name for t in tensors]
        half |= op.kind == "DEQUANTIZE" and names == ["FLOAT16"]
        if op.kind not in WEIGHTED or len(tensors) < 2:
            continue
        hybrid |= names[0] == "FLOAT32" and names[1] in ("INT8", "UINT8", "INT4")
        floats |= names[0] == "FLOAT32" and names[1] == "FLOAT32"
        int8 |= names[0] == "INT8"
    if half:
        yield "float16 weights", "weights are float16, the arithmetic is float", _REQUANTIZE
    elif hybrid:
        yield (
            "dynamic-range quantization (hybrid)",
            "weights are int8, activations are float",
            _REQUANTIZE,
        )
    elif floats:
        partly = "part of the network computes in float" if int8 else "the network is float"
        yield "float", partly, _REQUANTIZE
