"""Networks through ONNX Runtime's quantizer, in every form it writes, and back through ours.

ONNX Runtime computes the quantized file without optimizations. Every 8-bit value of the file that
our graph holds too is computed by our kernel from ONNX Runtime's own operands (*local*: what one
operator does), every output from the picture (*whole*).
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.qdq.importer import import_quantized_onnx
from mcucc.ops.requantize import Requantize
from mcucc.oracles.exact_session import exact_session
from mcucc.quantize.lower import lower

Array = np.ndarray[Any, Any]


class Unquantizable(Exception):
    """ONNX Runtime's quantizer cannot write this network in this form."""


@dataclass(frozen=True)
class Form:
    """What quantize_static is asked for."""

    kind: QuantFormat
    activations: QuantType
    weights: QuantType = QuantType.QInt8
    per_channel: bool = False
    reduce_range: bool = False
    options: dict[str, bool] = field(default_factory=dict)

    def quantize(self, source: Path, target: Path, shape: tuple[int, ...], seed: int = 3) -> None:
        """Write the quantized network, calibrated on a few random pictures.

        Unquantizable where the quantizer raises, or writes what ONNX Runtime does not run.
        """
        try:
            self._quantize(source, target, shape, seed)
            exact_session(onnx.load(target)).run(None, {"image": np.zeros(shape, np.float32)})
        except Exception as error:  # neither has a common class of errors
            raise Unquantizable(str(error)) from error

    def _quantize(self, source: Path, target: Path, shape: tuple[int, ...], seed: int) -> None:
        if self.kind is QuantFormat.QOperator and self.activations is QuantType.QInt8:
            nodes = onnx.load(source).graph.node
            if any(a.name == "antialias" and a.i for node in nodes for a in node.attribute):
                raise ValueError("ONNX Runtime clips antialiased int8 at 0 and 255")
        onnxruntime.set_default_logger_severity(4)
        logging.disable(logging.WARNING)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                quantize_static(
                    source,
                    target,
                    _Pictures(shape, seed),
                    quant_format=self.kind,
                    activation_type=self.activations,
                    weight_type=self.weights,
                    per_channel=self.per_channel,
                    reduce_range=self.reduce_range,
                    extra_options=dict(self.options),
                )
        finally:
            logging.disable(logging.NOTSET)
            onnxruntime.set_default_logger_severity(2)


_QDQ, _QOP = QuantFormat.QDQ, QuantFormat.QOperator
_S8, _U8 = QuantType.QInt8, QuantType.QUInt8
FORMS = {
    "QDQ int8": Form(_QDQ, _S8),
    "QDQ int8 per channel": Form(_QDQ, _S8, per_channel=True),
    "QDQ uint8": Form(_QDQ, _U8),
    "QDQ uint8 per channel": Form(_QDQ, _U8, per_channel=True),
    "QDQ uint8 weights": Form(_QDQ, _U8, _U8, options={"WeightSymmetric": True}),
    "QDQ symmetric": Form(_QDQ, _S8, options={"ActivationSymmetric": True}),
    "QDQ reduced range": Form(_QDQ, _U8, per_channel=True, reduce_range=True),
    "QDQ float bias": Form(_QDQ, _S8, per_channel=True, options={"QuantizeBias": False}),
    "QDQ float weights": Form(_QDQ, _S8, options={"AddQDQPairToWeight": True}),
    "QDQ own pairs": Form(_QDQ, _S8, options={"DedicatedQDQPair": True}),
    "QDQ contrib": Form(_QDQ, _U8, options={"UseQDQContribOps": True}),
    "QDQ kept activations": Form(_QDQ, _S8, options={"QDQKeepRemovableActivations": True}),
    "QDQ forced": Form(_QDQ, _S8, options={"ForceQuantizeNoInputCheck": True}),
    "QOperator int8": Form(_QOP, _S8),
    "QOperator int8 per channel": Form(_QOP, _S8, per_channel=True),
    "QOperator uint8": Form(_QOP, _U8),
    "QOperator uint8 per channel": Form(_QOP, _U8, per_channel=True),
    "QOperator uint8 weights": Form(_QOP, _U8, _U8, options={"WeightSymmetric": True}),
    "QOperator symmetric": Form(_QOP, _S8, options={"ActivationSymmetric": True}),
    "QOperator reduced range": Form(_QOP, _U8, per_channel=True, reduce_range=True),
    "QOperator forced": Form(_QOP, _U8, options={"ForceQuantizeNoInputCheck": True}),
}


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.left = pictures(shape, 4, seed)

    def get_next(self) -> dict[str, Array] | None:
        picture = next(self.left, None)
        return None if picture is None else {"image": picture}


def pictures(shape: tuple[int, ...], count: int, seed: int = 5) -> Iterator[Array]:
    """Uniform between -1 and 1; the last one goes twice as far, beyond the calibration."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        yield (rng.uniform(-1, 1, shape) * (1 + (index == count - 1))).astype(np.float32)


FARTHEST = 8  # steps of an output behind hidden integers, each of them off by at most 1


@dataclass(frozen=True)
class Found:
    """Largest differences in steps, and how many values of all differ locally.

    `hidden`: some integers of ours are not in the file (a softmax in its own scale, pixels blended
    in an order the file does not have), and what follows them is judged as a whole only.
    """

    local: int
    whole: int
    off: int
    total: int
    hidden: bool
    where: str  # the value of the largest local difference
    operators: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """equal; within 1; explained: outputs off by more than 1, no operator is; wrong."""
        if self.whole == self.local == 0:
            return "equal"
        if max(self.whole, self.local) <= 1:
            return "within 1"
        hidden = self.hidden and self.whole <= FARTHEST
        explained = self.local == 1 and not self.hidden  # every step from there on is exact
        return "explained" if self.local <= 1 and (hidden or explained) else "wrong"


def compare(path: Path, shape: tuple[int, ...], count: int = 3) -> Found:
    """Import a quantized file and compare; raises what the importer raises."""
    return _Comparison(path).run(shape, count)


class _Comparison:
    """Our graph beside ONNX Runtime on the same pictures."""

    def __init__(self, path: Path) -> None:
        self.imported: ImportedModel = import_quantized_onnx(path)
        self.graph = lower(self.imported.graph)
        self.sources = self.imported.sources
        names = [source.name for source in self.sources.values()]
        self.session = exact_session(onnx.load(path), dict.fromkeys(names))

    def run(self, shape: tuple[int, ...], count: int) -> Found:
        names = [value.name for value in self.session.get_outputs()]
        (start,) = self.imported.inputs
        worst, whole, off, total, where, hidden = 0, 0, 0, 0, "", False
        for picture in pictures(shape, count):
            theirs = dict(zip(names, self.session.run(None, {"image": picture}), strict=True))
            first = start.to_integers(picture.transpose(start.permutation))
            first = first.reshape(1, *self.graph.activations[start.tensor].shape)
            seen = self._seen(theirs)
            local, unseen = self._local(first, seen)
            hidden = hidden or unseen
            steps = {name: local[name].astype(int) - seen[name].astype(int) for name in local}
            for name, difference in steps.items():
                largest = int(np.abs(difference).max())
                worst, where = max((worst, where), (largest, name))
                off, total = off + int((difference != 0).sum()), total + difference.size
            ours = self._outputs(self.graph.run({start.tensor: first}), theirs)
            whole = max(whole, *(int(np.abs(value).max()) for value in ours.values()))
        kinds = tuple(node.op.kind for node in self.imported.graph.nodes)
        return Found(worst, whole, off, total, hidden, where, kinds)

    def _seen(self, theirs: dict[str, Array]) -> dict[str, Array]:
        """ONNX Runtime's 8-bit values as the graph stores them."""
        seen = {}
        for name, source in self.sources.items():
            value = theirs[source.name]
            moved = value.astype(np.int16) - 128 * (value.dtype == np.uint8)
            stored = moved.transpose(source.permutation)
            seen[name] = stored.reshape(1, *self.graph.activations[name].shape).astype(np.int8)
        for end in self.imported.outputs:
            if end.tensor not in seen:  # dequantized values: on the grid
                stored = end.to_integers(theirs[end.name].transpose(end.permutation))
                seen[end.tensor] = stored.reshape(1, *self.graph.activations[end.tensor].shape)
        return seen

    def _local(self, first: Array, seen: dict[str, Array]) -> tuple[dict[str, Array], bool]:
        """The values whose operands ONNX Runtime has, computed from those; whether any has not."""
        (start,) = self.imported.inputs
        graph, known, hidden = self.imported.graph, {start.tensor: first} | seen, False
        made = {start.tensor: first} if start.tensor in seen else {}
        for node in self.graph.nodes:
            if not all(name in known for name in node.inputs):
                hidden = True
                continue
            value = node.kernel.run([known[name] for name in node.inputs])
            if node.output in seen:
                made[node.output] = value
            elif all(isinstance(n.op, Requantize) for n in graph.consumers(node.output)):
                known[node.output] = value  # with the change of scale behind it one operator
        return made, hidden

    def _outputs(self, values: dict[str, Array], theirs: dict[str, Array]) -> dict[str, Array]:
        """How far outputs are off, in their steps; their shapes are the file's."""
        found = {}
        for end in self.imported.outputs:
            other = theirs[end.name]
            assert end.shape == other.shape, f"{end.name} is {end.shape}, not {other.shape}"
            mine = end.from_integers(values[end.tensor]).reshape(-1).astype(float)
            step = end.quantization.per_tensor_scale if end.dtype == np.float32 else 1.0
            found[end.name] = np.rint((mine - other.transpose(end.permutation).reshape(-1)) / step)
        return found
