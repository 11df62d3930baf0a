"""Layer by layer, how far the integer network is from the float one, and what that costs.

The ratio of signal to noise of a tensor holds all that happened before it; the shares of the
outputs' noise (noise_shares.py) say what each layer adds of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.base.progress import Progress, silent
from mcucc.evaluate.file_values import FileValues
from mcucc.frontends.imported import ImportedModel
from mcucc.images.samples import Sample, batch
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import Activation, IntegerGraph
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import IntegerArray
from mcucc.numerics.weights import GRIDS
from mcucc.oracles.float_session import FloatSession

DoubleArray = npt.NDArray[np.float64]
PRESCRIBED = ", prescribed"


@dataclass(frozen=True)
class LayerNoise:
    """A layer's output.

    `tensor` is its name in the float network (of a quantized file: in the file), `precision` its
    integers' type (PRESCRIBED where the op decides it). `snr_db` is 10 log10(sum float^2 / sum
    (float - integer)^2), None where there is no float value, or no difference (`exact`).
    `saturated` is the share of values that are cut at an end of the integers' range, None where a
    copy's would be counted twice. `still` of `channels` have one value in all pictures.
    `activation` and `weights` are shares of the noise at the outputs, None where not known.
    """

    layer: str
    op: str
    tensor: str
    precision: str
    snr_db: float | None
    exact: bool
    saturated: float | None
    still: int
    channels: int
    weights_type: str = ""  # int8, int4 or ternary; "": it has none
    activation: float | None = None
    weights: float | None = None

    @property
    def share(self) -> float:
        """Of the outputs' noise, 0 where it is not known."""
        return (self.activation or 0.0) + (self.weights or 0.0)


class _Tally:
    """What pictures add up to for one tensor, of its own range."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.signal = self.noise = 0.0
        self.count = self.cut = 0
        self._least = np.full(activation.channels, np.iinfo(np.int32).max)
        self._most = -self._least

    @property
    def still(self) -> int:
        """Channels that had one value."""
        return int((self._least == self._most).sum())

    @property
    def snr_db(self) -> float | None:
        """None where nothing differs, or all is 0."""
        some = self.noise > 0.0 and self.signal > 0.0
        return 10 * math.log10(self.signal / self.noise) if some else None

    def watch(self, q: IntegerArray, ends: tuple[bool, bool]) -> None:
        """The values of one picture; `ends` says which ends of the range cut something off."""
        flat = self._seen(q)
        for cuts, end in zip(ends, self.activation.interval, strict=True):
            self.cut += int(np.count_nonzero(flat == end)) if cuts else 0

    def compare(self, q: IntegerArray, file: DoubleArray, held: FileValues) -> None:
        """The same beside the file's values: those beyond the range are cut."""
        a, flat = self.activation, self._seen(q)
        real = held.chosen(file.reshape(-1, file.shape[-1]))
        steps = held.in_network(real) / a.scale + a.zero_point
        lo, hi = a.interval
        self.cut += int(np.count_nonzero((steps < lo - 0.5) | (steps > hi + 0.5)))
        self.signal += float(np.square(real).sum())
        self.noise += float(np.square(held.in_file(a.real(flat)) - real).sum())

    def _seen(self, q: IntegerArray) -> IntegerArray:
        flat: IntegerArray = q.reshape(-1, self.activation.channels)
        self._least = np.minimum(self._least, flat.min(axis=0))
        self._most = np.maximum(self._most, flat.max(axis=0))
        self.count += flat.size
        return flat


def compare_layers(
    imported: ImportedModel,
    floats: Graph,
    graph: Graph,
    integer: IntegerGraph,
    values: Mapping[str, FileValues],
    samples: Sequence[Sample],
    progress: Progress = silent,
) -> tuple[LayerNoise, ...]:
    """Every node's output beside the float network's, on samples; shares are not known yet.

    `graph` is the integer Graph of `integer`, `floats` any later form of `imported.graph`.
    """
    held = {node.output: values.get(node.output, FileValues(node.output)) for node in graph.nodes}
    known = {name: own for name, own in held.items() if own.tensor in floats.tensors}
    session = FloatSession(imported, floats, dict.fromkeys(own.tensor for own in known.values()))
    tallies = {name: _Tally(integer.activations[name]) for name in held}
    ends = _ends(graph, integer)
    for done, sample in enumerate(samples, 1):
        whole = session.run_sample(sample)
        made = integer.run(batch(integer.inputs, [_quantized(integer, sample)]))
        for name, tally in tallies.items():
            if name in known:
                file = whole[known[name].tensor].astype(np.float64)
                tally.compare(made[name], file, known[name])
            else:
                tally.watch(made[name], ends[name])
        progress("comparing layers", done, len(samples))
    files = {name: own.tensor for name, own in known.items()}
    return tuple(
        _row(graph, n, tallies[n.output], files.get(n.output), ends[n.output]) for n in graph.nodes
    )


def watch_layers(
    graph: Graph, integer: IntegerGraph, samples: Sequence[Sample], progress: Progress = silent
) -> tuple[LayerNoise, ...]:
    """What can be said of a quantized file, which has no float network."""
    tallies = {node.output: _Tally(integer.activations[node.output]) for node in graph.nodes}
    ends = _ends(graph, integer)
    for done, sample in enumerate(samples, 1):
        made = integer.run(batch(integer.inputs, [sample]))
        for name, tally in tallies.items():
            tally.watch(made[name], ends[name])
        progress("watching layers", done, len(samples))
    return tuple(_row(graph, n, tallies[n.output], None, ends[n.output]) for n in graph.nodes)


def _ends(graph: Graph, integer: IntegerGraph) -> dict[str, tuple[bool, bool]]:
    return {n.output: cut_ends(n.op, integer.activations[n.output]) for n in graph.nodes}


def cut_ends(op: Op, output: Activation) -> tuple[bool, bool]:
    """Whether integers at the lower and the upper end of the range were cut there by the range.

    Not where the layer's own clamp ends there, nor where the end is 0 of values of one sign, nor
    in copies, nor where the op's quantization is prescribed.
    """
    if op.SHARES_QUANT or op.fixed_quant() is not None:
        return False, False
    least, most = output.interval
    clamp = op.fused_clamp
    lo, hi = (end / output.scale + output.zero_point for end in (clamp.lo, clamp.hi))
    low = output.zero_point != least and not lo > least - 0.5
    high = output.zero_point != most and not hi < most + 0.5
    return low, high


def _quantized(integer: IntegerGraph, sample: Sample) -> Sample:
    inputs = [integer.activations[name] for name in integer.inputs]
    return sample.quantized([Quant((a.scale,), a.zero_point) for a in inputs])


def _row(
    graph: Graph, node: Node, tally: _Tally, file: str | None, ends: tuple[bool, bool]
) -> LayerNoise:
    """`file` is the float network's tensor, None where there is none."""
    return LayerNoise(
        layer=node.name,
        op=node.op.kind,
        tensor=file or node.output,
        precision=str(tally.activation.dtype) + (PRESCRIBED if node.op.fixed_quant() else ""),
        snr_db=None if file is None else tally.snr_db,
        exact=file is not None and tally.noise == 0.0,
        saturated=tally.cut / max(tally.count, 1) if file is not None or any(ends) else None,
        still=tally.still,
        channels=tally.activation.channels,
        weights_type=weights_type(graph, node),
    )


def weights_type(graph: Graph, node: Node) -> str:
    """The coarsest grid that a layer's weights lie on; "" where it has none."""
    if node.op.WEIGHT_AXIS is None:
        return ""
    values = graph.tensors[node.inputs[1]].constant.astype(np.int64)
    by_step = sorted(GRIDS.items(), key=lambda item: -item[1].step)
    return next(name for name, grid in by_step if not (values % grid.step).any())
