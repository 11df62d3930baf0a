"""`validate` and `run`: a compiled folder against samples, computed four ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.backends.camera_rows import as_asked
from mcucc.backends.choose import choose_emulator
from mcucc.backends.host import HostModel, run_host
from mcucc.base.progress import Progress, silent
from mcucc.driver.folder import CompiledFolder, scratch_folder
from mcucc.driver.inputs import samples_of
from mcucc.driver.load import float_forms
from mcucc.driver.manifest import PostTraining
from mcucc.errors import ModelError, ToolError
from mcucc.evaluate.accuracy import BATCH
from mcucc.evaluate.agreement import agree
from mcucc.evaluate.fingerprint import fingerprint, first_changed
from mcucc.evaluate.float_check import WrongValue, first_wrong_of
from mcucc.evaluate.float_outputs import float_outputs as float_outputs_of
from mcucc.evaluate.validate import (
    Divergence,
    Values,
    Way,
    WayResult,
    compare,
    differing_pictures,
    first_divergence,
)
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.images.samples import Sample, batch
from mcucc.ir.integer import IntegerGraph
from mcucc.oracles.choose import open_oracle, oracle_name
from mcucc.oracles.oracle import Oracle
from mcucc.toolchain.firmware import Firmware

Outputs = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Validation:
    """What `validate` found.

    `all_equal` says that NumPy, host and emulated outputs are the same bytes; it is None when what
    ran is equal but nothing was emulated. `oracle` names the other runtime that has the file
    ("litert", "onnxruntime"; "" for a float file), `oracle_equal` says that its outputs are the
    same integers, None where it could not be asked; `oracle_exact`: with this rounding they must
    be. `wrong_float` is where the imported float network is not the file's, `changed_layer` the
    first layer in which it is not the one that was compiled, "" for none.
    """

    images: int
    labelled: int
    ways: tuple[WayResult, ...]
    divergences: tuple[Divergence, ...]
    all_equal: bool | None
    instructions: int | None
    emulator: str
    oracle: str = ""
    oracle_equal: bool | None = None
    oracle_exact: bool = False
    wrong_float: WrongValue | None = None
    changed_layer: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing differs that must be equal, or differs by more than rounding explains."""
        wrong = self.divergences or self.wrong_float is not None or self.changed_layer
        return not wrong and self.all_equal is not False

    def to_dict(self) -> dict[str, Any]:
        """For --json; the four accuracies by name first."""
        by_name = {way.name: way for way in self.ways}
        return {
            "images": self.images,
            "labelled": self.labelled,
            **{f"{name}_top1": way.top1 for name, way in by_name.items()},
            "all_equal": self.all_equal,
            "passed": self.passed,
            **({f"{self.oracle}_equal": self.oracle_equal} if self.oracle else {}),
            "instructions": self.instructions,
            "emulator": self.emulator,
            "ways": [way.to_dict() for way in self.ways],
            "divergences": [vars(divergence) for divergence in self.divergences],
            "changed_layer": self.changed_layer,
            "wrong_float": None if self.wrong_float is None else vars(self.wrong_float),
        }


def validate(
    compiled: CompiledFolder,
    data: Path,
    *,
    limit: int | None,
    emulator: str,
    time_limit_s: float,
    progress: Progress,
) -> Validation:
    """Compute every sample of `data` in four ways (a quantized file in five) and compare.

    Raises DataError for unusable data, ToolError when a compiler or emulator fails.
    """
    graph = compiled.integer
    samples = samples_of(compiled, data, limit)
    labels = [sample.label for sample in samples]
    reference = _numpy(graph, samples, progress)
    floats, why_not = _float(compiled, samples, progress)
    wrong_float, changed = (
        _wrong_float(compiled, samples[0]) if compiled.manifest.is_float else (None, "")
    )
    oracle = None
    if not compiled.manifest.is_float:
        oracle = open_oracle(compiled.source, graph.rounding, compiled.manifest.input_shapes)
    with scratch_folder() as scratch:
        work = Path(scratch)
        library = compiled.host_library(work / "host")
        on_host = _split(graph, run_host(library, compiled.manifest.name, _raw(samples)))
        emulated, firmware, instructions, name = _emulated(
            compiled, samples, emulator, time_limit_s, work, progress
        )
        ways = [
            Way("float", floats, integer=False, absent=why_not),
            Way("quantized", reference),
            Way("host", on_host),
            Way("emulated", emulated, absent="" if firmware else name),
        ]
        agreement = None
        if isinstance(oracle, Oracle):
            agreement = agree(oracle, graph, samples, reference, progress)
            ways.insert(1, Way(oracle.NAME, agreement.outputs))
        elif oracle is not None:
            ways.insert(1, Way(oracle_name(compiled.source), None, absent=oracle))
        results = compare(graph, reference, floats, ways, labels)
        divergences = tuple(
            _divergence(compiled, library, way, way.values, reference, samples)
            for way in ways[-2:]
            if way.values is not None and differing_pictures(reference, way.values).any()
        )
    foreign = () if agreement is None else agreement.divergences
    return Validation(
        images=len(samples),
        labelled=sum(label is not None for label in labels),
        ways=results,
        divergences=(*divergences, *foreign),
        all_equal=None if emulated is None and not divergences else not divergences,
        instructions=instructions,
        emulator=name,
        oracle=oracle_name(compiled.source) if oracle is not None else "",
        oracle_equal=None if agreement is None else agreement.equal and not foreign,
        oracle_exact=agreement is not None and agreement.exact,
        wrong_float=wrong_float,
        changed_layer=changed,
    )


@dataclass(frozen=True, eq=False)
class Run:
    """int8 outputs (pictures, H, W, C) by name, and where they were computed.

    `instructions` are those of the first picture, None on the host.
    """

    outputs: Outputs
    instructions: int | None
    emulator: str


def run_samples(
    compiled: CompiledFolder,
    samples: Sequence[Sample],
    emulator: str = "auto",
    time_limit_s: float = 1800.0,
    progress: Progress = silent,
) -> Run:
    """Run samples on the host ("host") or an emulator.

    Raises ToolError when a compiler or emulator is missing or fails.
    """
    graph = compiled.integer
    with scratch_folder() as scratch:
        work = Path(scratch)
        if emulator == "host":
            library = compiled.host_library(work)
            outputs = _split(graph, run_host(library, compiled.manifest.name, _raw(samples)))
            return Run(outputs, None, "host")
        emulated, _, instructions, name = _emulated(
            compiled, samples, emulator, time_limit_s, work, progress
        )
    if emulated is None:
        raise ToolError(name, hint="--emulator host needs no emulator")
    return Run(emulated, instructions, name)


def float_outputs(compiled: CompiledFolder, samples: Sequence[Sample]) -> Outputs:
    """The float network's outputs (samples, H, W, C) by name.

    Raises ModelError where the model was quantized when it came.
    """
    outputs, why_not = _float(compiled, samples, silent)
    if outputs is None:
        raise ModelError(why_not, where=str(compiled.path))
    return outputs


def _emulated(
    compiled: CompiledFolder,
    samples: Sequence[Sample],
    wanted: str,
    time_limit_s: float,
    work: Path,
    progress: Progress,
) -> tuple[Outputs | None, Firmware | None, int | None, str]:
    """Outputs, firmware, instructions of the first picture, and the emulator (or why none)."""
    if wanted == "none":
        return None, None, None, "not asked for"
    progress("building firmware", 0, 0)
    try:
        firmware = compiled.firmware(work / "firmware")
    except ToolError as error:
        if wanted == "auto":
            return None, None, None, error.what
        raise
    emulator = choose_emulator(wanted, firmware.board)
    if emulator is None:
        return None, None, None, "no emulator runs here (mcucc needs qemu-system-arm or unicorn)"
    progress(f"emulating with {emulator.name}", 0, 0)
    program = compiled.program()
    raw = [as_asked(program, image) for image in _raw(samples)]
    counted = emulator.run(firmware, raw[:1], count=True, timeout_s=time_limit_s)
    rest = raw[1:]
    outputs = counted.outputs
    if rest:
        outputs += emulator.run(firmware, rest, count=False, timeout_s=time_limit_s).outputs
    split = _split(compiled.integer, outputs)
    return split, firmware, counted.instructions, emulator.name


def _numpy(graph: IntegerGraph, samples: Sequence[Sample], progress: Progress) -> Outputs:
    parts: list[dict[str, npt.NDArray[np.int8]]] = []
    for begin in range(0, len(samples), BATCH):
        progress("NumPy reference", begin, len(samples))
        values = graph.run(batch(graph.inputs, samples[begin : begin + BATCH]))
        parts.append({output: values[output] for output in graph.outputs})
    return {name: np.concatenate([part[name] for part in parts]) for name in graph.outputs}


def _float(
    compiled: CompiledFolder, samples: Sequence[Sample], progress: Progress
) -> tuple[Outputs | None, str]:
    """The float network's outputs, or why there are none."""
    if not compiled.manifest.is_float:
        return None, "no float form"
    imported = import_onnx(compiled.source, input_shapes=compiled.manifest.input_shapes)
    found = float_outputs_of(
        imported,
        compiled.manifest.splits,
        samples,
        lambda index: progress("float network", index, len(samples)),
    )
    return dict(found), ""


def _wrong_float(compiled: CompiledFolder, sample: Sample) -> tuple[WrongValue | None, str]:
    """Where the float network as made today is not what the file says, on one sample.

    And the first layer in which it is not the one that the folder was compiled from, "" for none.
    """
    imported = import_onnx(compiled.source, input_shapes=compiled.manifest.input_shapes)
    forms = float_forms(imported, compiled.manifest.preprocess)
    wrong = first_wrong_of(imported, forms, sample)
    made = compiled.manifest.quantization
    before = made.float_network if isinstance(made, PostTraining) else None
    changed = None if before is None else first_changed(before, fingerprint(forms[-1]))
    return wrong, changed or ""


def _tensors(graph: IntegerGraph, sample: Sample) -> Outputs:
    """Every tensor of one sample, by NumPy."""
    return {key: value[0] for key, value in graph.run(batch(graph.inputs, [sample])).items()}


def _divergence(
    compiled: CompiledFolder,
    library: Path,
    way: Way,
    values: Values,
    reference: Outputs,
    samples: Sequence[Sample],
) -> Divergence:
    """Where the first wrong sample of a way goes wrong: by layer on the host, else by output."""
    wrong = int(np.flatnonzero(differing_pictures(reference, values))[0])
    sample = samples[wrong]
    expected = _tensors(compiled.integer, sample)
    found = {name: value[wrong] for name, value in values.items()}
    if way.name == "host":
        found = _trace(compiled, library, sample)
    place = first_divergence(compiled.integer, way.name, sample.name, expected, found)
    if place is None:  # step by step it is right: the whole run is at fault
        raise ToolError("outputs differ although every layer agrees", where=sample.name)
    return place


def _trace(compiled: CompiledFolder, library: Path, sample: Sample) -> Outputs:
    """Every tensor of one sample, read from the host's arena right after its step."""
    program = compiled.program()
    model = HostModel(library, compiled.manifest.name)
    model.load(sample.raw)
    before = len(model.step_names) - len(program.steps)
    tensors: Outputs = {}
    for index in range(len(model.step_names)):
        model.step(index)
        if index >= before:
            for node in program.steps[index - before].nodes:
                place = program.whole(node.output)  # tensors inside a stage have none
                a = program.graph.activations[node.output]
                if place is not None and place.size == a.size:
                    raw = model.arena(place.offset, a.size)
                    tensors[a.name] = np.frombuffer(raw, np.int8).reshape(a.shape)
    return tensors


def _raw(samples: Sequence[Sample]) -> list[bytes]:
    return [sample.raw for sample in samples]


def _split(graph: IntegerGraph, outputs: Sequence[bytes]) -> Outputs:
    """Concatenated outputs of each picture as arrays (pictures, H, W, C) by name."""
    values: Outputs = {}
    at = 0
    for name in graph.outputs:
        a = graph.activations[name]
        parts = [np.frombuffer(raw, np.int8, a.size, at).reshape(a.shape) for raw in outputs]
        values[name] = np.stack(parts)
        at += a.size
    return values
