"""What one mutated file goes through, and what may come of it."""

from __future__ import annotations

import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np

from mcucc.api import load
from mcucc.errors import McuccError
from mcucc.ir import Graph
from mcucc.ir.float_run import evaluate_graph
from mcucc.passes.pipeline import optimize
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.lower import lower
from mcucc.quantize.observers.base import Range
from mcucc.quantize.quantize import quantize
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy

SECONDS = 5.0  # of the processor, for one file
MEMORY = 2**30  # bytes beside what the worker had before
EVALUATED = 200_000  # MACs of a float network that is quantized too
PLANNED = 200  # nodes of a network that is planned too


class TooLong(BaseException):
    """An input took more than SECONDS; no `except Exception` on the way swallows it."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """TooLong after so much time of the processor."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def outcome(path: Path, deep: bool) -> str:
    """`network`, `refused`, or a finding: what went wrong and where.

    A file that imports is simplified and lowered; `deep` also plans it and replays the plan.
    """
    try:
        with limited():
            return _import(path, deep)
    except TooLong as error:
        return f"more than {SECONDS:g} s at {_place(error)}"
    # Whatever it is, it is a finding.
    except Exception as error:
        return f"{type(error).__name__} at {_place(error)}"


def _import(path: Path, deep: bool) -> str:
    try:
        imported = load(path)
        if imported.quantized:
            graph = imported.graph
        else:
            graph = optimize(imported.graph)
            if not deep or graph.macs > EVALUATED:
                return "network"
            graph = quantized(graph)
        integer = lower(graph)
        if deep and len(integer.nodes) <= PLANNED:
            check(expand(integer, layers_plan(integer, ImagePolicy.RESIDENT)))
    except McuccError as error:
        return "refused" if len(str(error)) < 50_000 else "a message of 50,000 characters"
    return "network"


def quantized(graph: Graph) -> Graph:
    """The int8 graph by the ranges of one random input."""
    rng = np.random.default_rng(0)
    inputs = {n: rng.normal(size=graph.tensors[n].shape).astype(np.float32) for n in graph.inputs}
    with np.errstate(all="ignore"):
        values = evaluate_graph(graph, inputs)
    if not all(np.isfinite(value).all() for value in values.values()):
        raise McuccError("values are not finite")  # as calibration says of such pictures
    ranges = {
        name: Range(min(float(value.min()), 0.0), max(float(value.max()), 0.0))
        for name, value in values.items()
    }
    return quantize(graph, Ranges("minmax", 1, ranges))


def _place(error: BaseException) -> str:
    """The innermost line of the project's own."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/mcucc/" in f.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{'/'.join(Path(last.filename).parts[-2:])}:{last.lineno} {last.name}"


def limit_memory() -> None:
    """At most MEMORY more than now for this process."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def peak_bytes() -> int:
    """The most memory this process had at any time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
