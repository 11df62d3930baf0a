"""Float .tflite files: float32, float16 weights, and hybrid ones with 8-bit weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from mcucc.errors import ModelError, Problem, UnsupportedError
from mcucc.frontends.imported import Format, ImportedModel
from mcucc.frontends.onnx.importer import import_model
from mcucc.frontends.tflite.file import TfliteFile
from mcucc.frontends.tflite.kinds import WEIGHTED, structure
from mcucc.frontends.tflite.walk import ends_before, label_of
from mcucc.frontends.tfloat import parts, picks, words
from mcucc.frontends.tfloat.writer import TRANSLATORS, Writer, value_names
from mcucc.frontends.unsupported import UnsupportedNode

MODULES = (parts, picks, words)  # importing them fills TRANSLATORS


def is_float(file: TfliteFile) -> bool:
    """Whether the network computes in floats: every operator with weights reads float values."""
    read = [
        file.tensors[op.inputs[place]]
        for op in file.operators
        for place in _place(op.kind)
        if place < len(op.inputs) and op.inputs[place] >= 0
    ]
    if read:
        return all(tensor.dtype == np.float32 for tensor in read)
    inputs, outputs = ([file.tensors[i] for i in ends] for ends in (file.inputs, file.outputs))
    quantized = any(op.kind == "QUANTIZE" for op in file.operators)
    real = all(tensor.dtype == np.float32 for tensor in inputs)
    indices = (np.float32, np.int32, np.int64)  # of ARG_MAX
    return not quantized and real and all(tensor.dtype in indices for tensor in outputs)


def _place(kind: str) -> tuple[int, ...]:
    """Where an operator with weights has its activation."""
    return () if kind not in WEIGHTED else (2,) if kind == "TRANSPOSE_CONV" else (0,)


def integer_weights(file: TfliteFile) -> frozenset[int]:
    """The weights that a hybrid file holds as integers, none in others.

    LiteRT rounds the activations beside them anew for every picture.
    """
    return frozenset(
        index
        for op in file.operators
        if op.kind in WEIGHTED
        for index in op.inputs
        if index >= 0 and file.tensors[index].data is not None and file.tensors[index].scale
    )


def real_weights(file: TfliteFile) -> dict[int, npt.NDArray[np.float32]]:
    """What `integer_weights` stand for."""
    values = Writer(file, {})
    return {i: values.real(i).astype(np.float32) for i in sorted(integer_weights(file))}


def import_float_tflite(file: TfliteFile, path: Path) -> ImportedModel:
    """The float Graph of a file, to be calibrated and quantized by mcucc.

    Raises ModelError for a file that is damaged, UnsupportedError with every reason for one that
    mcucc cannot compile.
    """
    problems = [Problem(path.name, kind, why, hint) for kind, why, hint in structure(file)]
    model = _written(file, problems)
    if problems:
        raise UnsupportedError(problems, where=str(path), ends=ends_before(file, problems))
    own = set(value_names(file).values())
    imported = import_model(model, path, file.sha256, channels_last=True, own=own)
    labels = {label_of(file, operator): operator.kind for operator in file.operators}
    weights = (file.tensors[index] for index in integer_weights(file))
    scales = tuple(sorted({abs(s) for tensor in weights for s in tensor.scale if s}))
    return replace(imported, format=Format.TFLITE, labels=labels, weight_scales=scales)


def _written(file: TfliteFile, problems: list[Problem]) -> onnx.ModelProto:
    writer = Writer(file, TRANSLATORS)
    for operator in file.operators:
        try:
            writer.write(operator)
        except (ValueError, IndexError) as error:
            broken = UnsupportedNode(f"broken ({error})")
            refusal = UnsupportedNode.of(error) if isinstance(error, ValueError) else broken
            label = label_of(file, operator)
            problems.append(Problem(label, operator.kind, refusal.why, refusal.hint))
    try:
        return writer.model()
    except UnsupportedNode as refusal:
        if problems:
            return onnx.ModelProto()
        raise ModelError(refusal.why, where=str(file.path)) from refusal
