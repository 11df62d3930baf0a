"""Calibration: what values the tensors of a float network take on real pictures.

The original file runs in ONNX Runtime, twice: once for the ranges, once for histograms over
those ranges. No activations are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError
from mcucc.frontends.imported import ImportedModel
from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph
from mcucc.oracles.float_session import FloatSession
from mcucc.quantize.ends import compared_tensors
from mcucc.quantize.groups import quant_groups
from mcucc.quantize.observers.base import BINS, Observer, Range, Statistics
from mcucc.quantize.observers.min_max import MinMax
from mcucc.quantize.tally import ChannelStatistics, Tally

CHANNEL_BINS = 512
# Of all tensors together: 256 MiB of counts, those of samples held back included.
MOST_CHANNELS = 2**15


@dataclass(frozen=True, eq=False)
class Ranges:
    """The real range of every measured tensor, and how it was found.

    Ranges of outputs and of the tensors in `whole` are what was seen. `channels` are there where
    they were asked for, in the order of the network, as many as there is room for; `judged` are
    those of the samples held back, which `channels` leave out.
    """

    observer: str
    images: int
    by_name: Mapping[str, Range]
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    channels: Mapping[str, ChannelStatistics] = field(default_factory=dict)
    judged: Mapping[str, ChannelStatistics] = field(default_factory=dict)


def calibrate(
    model: ImportedModel,
    graph: Graph,
    samples: Sequence[Sample],
    observer: Observer,
    *,
    whole: Collection[str] = (),
    channels: bool = False,
    held_back: Sequence[Sample] = (),
    progress: Progress = silent,
) -> Ranges:
    """Observe the tensors of `graph` on samples, and their `channels` on request.

    Channels of the samples held back, some of `samples`, are counted apart. Ranges of outputs, and
    of the tensors in `whole`, are what was seen, whatever the observer. `progress` counts the
    samples of both passes. Raises DataError without samples and ModelError for values that are not
    finite.
    """
    if not len(samples):
        raise DataError("there is no picture to calibrate on")
    names = measured_tensors(graph)
    session = FloatSession(model, graph, names)
    tallies = {name: Tally(name, 1, BINS) for name in names}
    by_channel = _channel_tallies(graph, names) if channels else {}
    apart, judged = {id(sample) for sample in held_back}, dict[str, Tally]()
    passes = 2 if observer.NEEDS_HISTOGRAM or channels else 1
    for done in range(passes * len(samples)):
        sample = samples[done % len(samples)]
        values = session.run_sample(sample)
        if done == len(samples) and apart:
            judged = {name: tally.beside() for name, tally in by_channel.items()}
        counting = judged if done >= len(samples) and id(sample) in apart else by_channel
        for name, tally in (*tallies.items(), *counting.items()):
            if done < len(samples):
                tally.extend(values[name])
            else:
                tally.count(values[name])
        progress("calibrating", done + 1, passes * len(samples))
    statistics = {name: t.tensor(observer.NEEDS_HISTOGRAM) for name, t in tallies.items()}
    ranges = {name: observer.range_of(s) for name, s in statistics.items()}
    # Clipped outputs would tie where the network is surest; nothing behind them needs resolution.
    # So would the scores that an index is chosen from.
    kept = {*graph.outputs, *whole, *compared_tensors(graph)}
    uncut = [name for name in statistics if name in kept]
    ranges |= {name: MinMax().range_of(statistics[name]) for name in uncut}
    return Ranges(
        observer.NAME,
        len(samples),
        {name: _with_zero(range_) for name, range_ in ranges.items()},
        statistics,
        frozenset(uncut),
        {name: tally.channels() for name, tally in by_channel.items()},
        {name: tally.channels() for name, tally in judged.items()},
    )


def measured_tensors(graph: Graph) -> tuple[str, ...]:
    """The activations whose ranges decide scales: not copies, not prescribed."""
    return tuple(
        name for group in quant_groups(graph) if group.fixed is None for name in group.measured
    )


def _channel_tallies(graph: Graph, names: Sequence[str]) -> dict[str, Tally]:
    """Those of the first tensors, up to MOST_CHANNELS."""
    tallies: dict[str, Tally] = {}
    room = MOST_CHANNELS
    for name in names:
        count = graph.tensors[name].shape[-1]
        if count <= room:
            room -= count
            tallies[name] = Tally(name, count, CHANNEL_BINS)
    return tallies


def _with_zero(range_: Range) -> Range:
    return Range(min(range_.low, 0.0), max(range_.high, 0.0))
