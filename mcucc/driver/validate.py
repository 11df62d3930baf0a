"""`validate`: samples of a compiled folder, computed four ways (a quantized file in five)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mcucc.backends.host import HostModel
from mcucc.base.progress import Progress, silent
from mcucc.driver.constant_outputs import ConstantCheck, check_constants
from mcucc.driver.diagnose import diagnose_folder
from mcucc.driver.folder import CompiledFolder, scratch_folder
from mcucc.driver.judging import judged, labels_for, relabelled
from mcucc.driver.load import forms_of
from mcucc.driver.manifest import PostTraining
from mcucc.driver.on_board import OnBoard
from mcucc.driver.run import NotEmulated, Outputs, Run, emulated, on_host
from mcucc.driver.samples import class_names_of, samples_of
from mcucc.errors import ModelError, ToolError
from mcucc.evaluate.diagnosis import Diagnosis
from mcucc.evaluate.fingerprint import fingerprint, first_changed
from mcucc.evaluate.float_check import WrongValue, first_wrong_of
from mcucc.evaluate.float_outputs import float_outputs as float_outputs_of
from mcucc.evaluate.group_columns import columns_of
from mcucc.evaluate.judge import Judged
from mcucc.evaluate.oracle_check import agree
from mcucc.evaluate.ways import (
    Divergence,
    Values,
    Way,
    WayResult,
    compare,
    differing_pictures,
    first_divergence,
)
from mcucc.images.front import fed
from mcucc.images.samples import Sample
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import IntegerArray
from mcucc.oracles.choose import open_oracle, oracle_name
from mcucc.oracles.oracle import Oracle

TOGETHER = 16  # samples that NumPy computes at once
NO_FLOAT = "no float form"


@dataclass(frozen=True, eq=False)
class Validation:
    """What `validate` found, of `samples`.

    `all_equal` says that NumPy, host and emulated outputs are the same bytes; it is None when what
    ran is equal but nothing was emulated. `oracle` names the other runtime that has the file
    ("litert", "onnxruntime"; "" for a float file), `oracle_equal` says that its outputs are the
    same integers, None where it could not be asked; `oracle_exact`: with this rounding they must
    be. `wrong_float` is where the imported float network is not the file's, `changed_layer` the
    first layer in which it is not the one that was compiled, "" for none. `answers` are the outputs
    that [output] or a classifier's shape explains.
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
    layers: Diagnosis | None = None  # None: not asked for
    constants: tuple[ConstantCheck, ...] = ()
    answers: tuple[Judged, ...] = ()
    board: OnBoard | None = None  # None: no debugger was in front of the core
    samples: tuple[Sample, ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether nothing differs that must be equal, or differs by more than rounding explains."""
        wrong = self.divergences or self.wrong_float is not None or self.changed_layer
        constants = any(constant.wrong for constant in self.constants)
        return not wrong and not constants and self.all_equal is not False

    def to_dict(self, whole: bool = False) -> dict[str, Any]:
        """For --json; the four accuracies by name first.

        With `whole` also what nobody asked for: classes of a classifier without [output] or groups.
        """
        told = [a.to_dict() for a in self.answers if whole or a.groups or not a.implied]
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
            **({} if self.board is None else {"board": self.board.to_dict()}),
            "ways": [way.to_dict() for way in self.ways],
            "divergences": [vars(divergence) for divergence in self.divergences],
            "changed_layer": self.changed_layer,
            "wrong_float": None if self.wrong_float is None else vars(self.wrong_float),
            **({"constant_outputs": [vars(c) for c in self.constants]} if self.constants else {}),
            **({"answers": told} if told else {}),
            **({} if self.layers is None else {"layers": self.layers.to_dict()}),
        }


@dataclass(frozen=True, eq=False)
class _OfFile:
    """What the model file itself computes, by a runtime that has it, and what it says of ours.

    `floats` are the outputs of a float file. The other fields are those of Validation.
    """

    ways: tuple[Way, ...]
    floats: Outputs | None = None
    wrong_float: WrongValue | None = None
    changed_layer: str = ""
    divergences: tuple[Divergence, ...] = ()
    oracle: str = ""
    oracle_equal: bool | None = None
    oracle_exact: bool = False


def validate(
    compiled: CompiledFolder,
    data: Path,
    *,
    limit: int | None,
    emulator: str,
    time_limit_s: float,
    progress: Progress,
    layers: bool = False,
    labels: Sequence[Path] = (),
    groups: Sequence[str] | None = None,
    flash: bool = False,
) -> Validation:
    """Compute every sample of `data` in every way there is, and compare; layer by layer on a few.

    `labels` are files or folders of boxes or masks, () for those beside the pictures. `groups` are
    columns of labels.csv, None for all that make groups.
    Raises DataError for unusable data, ToolError when a compiler or emulator fails.
    """
    class_names = class_names_of(compiled, data)
    samples, note = relabelled(samples_of(compiled, data, limit), class_names, compiled.answers)
    truth = labels_for(compiled, samples, data, labels)
    columns = columns_of([sample.groups for sample in samples], groups, str(data))
    _, ending = compiled.heads
    computed = _numpy(compiled.integer, ending.outputs, samples, progress)
    reference = {name: computed[name] for name in compiled.integer.outputs}
    heads = {name: computed[name] for name in ending.outputs}
    if compiled.manifest.is_float:
        of_file = _float_file(compiled, samples, progress)
    else:
        of_file = _quantized_file(compiled, ending, samples, heads, progress)
    with scratch_folder() as scratch:
        work = Path(scratch)
        library = compiled.host_library(work / "host")
        constants = check_constants(compiled, library)
        run = emulated(compiled, samples, emulator, time_limit_s, work, progress, flash)
        in_c = (Way("host", on_host(compiled, library, samples)), _emulated_way(run))
        divergences = tuple(
            _divergence(compiled, library, way, way.values, reference, samples)
            for way in in_c
            if way.values is not None and differing_pictures(reference, way.values).any()
        )
    ways = (*of_file.ways, Way("quantized", computed), *in_c)
    classes = [sample.label for sample in samples]
    absent = isinstance(run, NotEmulated)
    return Validation(
        images=len(samples),
        labelled=sum(label is not None for label in classes),
        ways=compare(compiled.integer, computed, of_file.floats, ways, classes, compiled.scores),
        divergences=(*divergences, *of_file.divergences),
        all_equal=None if absent and not divergences else not divergences,
        instructions=None if isinstance(run, NotEmulated) else run.instructions,
        emulator=run.why if isinstance(run, NotEmulated) else run.emulator,
        oracle=of_file.oracle,
        oracle_equal=of_file.oracle_equal,
        oracle_exact=of_file.oracle_exact,
        wrong_float=of_file.wrong_float,
        changed_layer=of_file.changed_layer,
        layers=diagnose_folder(compiled, samples, progress) if layers else None,
        constants=constants,
        answers=judged(compiled, samples, truth, ways, class_names, note, columns, progress),
        board=None if isinstance(run, NotEmulated) else run.board,
        samples=samples,
    )


def float_outputs(
    compiled: CompiledFolder, samples: Sequence[Sample], progress: Progress = silent
) -> Outputs:
    """The float network's outputs (samples, H, W, C) by name.

    Raises ModelError where the model was quantized when it came.
    """
    if not compiled.manifest.is_float:
        raise ModelError(NO_FLOAT, where=str(compiled.path))
    found = float_outputs_of(
        compiled.imported,
        compiled.manifest.splits,
        samples,
        lambda index: progress("float network", index, len(samples)),
    )
    return dict(found)


def _float_file(compiled: CompiledFolder, samples: Sequence[Sample], progress: Progress) -> _OfFile:
    """The float network by ONNX Runtime; ours, as made today, against it on the first sample.

    And against the one that the folder was compiled from.
    """
    floats = float_outputs(compiled, samples, progress)
    forms = forms_of(compiled.imported, compiled.manifest)
    made = compiled.manifest.quantization
    before = made.float_network if isinstance(made, PostTraining) else None
    changed = None if before is None else first_changed(before, fingerprint(forms[-1]))
    return _OfFile(
        ways=(Way("float", floats, integer=False),),
        floats=floats,
        wrong_float=first_wrong_of(compiled.imported, forms, samples[0]),
        changed_layer=changed or "",
    )


def _quantized_file(
    compiled: CompiledFolder,
    ending: IntegerGraph,
    samples: Sequence[Sample],
    reference: Outputs,
    progress: Progress,
) -> _OfFile:
    """A quantized file by the runtime that has its format; layer by layer where it differs."""
    shapes, name = compiled.manifest.input_shapes, oracle_name(compiled.source)
    oracle = open_oracle(compiled.source, compiled.integer.rounding, shapes)
    no_float = Way("float", None, integer=False, absent=NO_FLOAT)
    if not isinstance(oracle, Oracle):
        return _OfFile((no_float, Way(name, None, absent=oracle)), oracle=name)
    found = agree(oracle, ending, samples, reference, progress)
    return _OfFile(
        ways=(no_float, Way(name, found.outputs)),
        divergences=found.divergences,
        oracle=name,
        oracle_equal=found.equal and not found.divergences,
        oracle_exact=found.exact,
    )


def _emulated_way(run: Run | NotEmulated) -> Way:
    if isinstance(run, NotEmulated):
        return Way("emulated", None, absent=run.why)
    return Way("emulated", run.outputs)


def _numpy(
    graph: IntegerGraph, heads: Sequence[str], samples: Sequence[Sample], progress: Progress
) -> Outputs:
    """The outputs, and what the nodes of [output] read."""
    wanted = dict.fromkeys((*graph.outputs, *heads))
    parts: list[dict[str, IntegerArray]] = []
    for begin in range(0, len(samples), TOGETHER):
        progress("NumPy reference", begin, len(samples))
        values = graph.run(fed(graph, samples[begin : begin + TOGETHER]))
        parts.append({name: values[name] for name in wanted})
    return {name: np.concatenate([part[name] for part in parts]) for name in wanted}


def _tensors(graph: IntegerGraph, sample: Sample) -> Outputs:
    """Every tensor of one sample, by NumPy."""
    return {key: value[0] for key, value in graph.run(fed(graph, [sample])).items()}


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
    graph = compiled.program().graph  # its nodes are those of the steps
    expected = _tensors(graph, sample)
    found = {name: value[wrong] for name, value in values.items()}
    if way.name == "host":
        found = _trace(compiled, library, sample)
    place = first_divergence(graph, way.name, sample.name, expected, found)
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
                    tensors[a.name] = a.read(raw)
    for number, name in enumerate(program.graph.outputs):
        if name in program.plan.row_outputs:
            tensors[name] = program.graph.activations[name].read(model.output_of(number))
    return tensors
