"""From a model file to an integer network: the front half of every verb that takes a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcucc.answers.answer import Answer
from mcucc.answers.append import append, without, without_kernels
from mcucc.answers.read import find_output
from mcucc.answers.recognise.find import recognise_file
from mcucc.answers.recognise.found import Recognised
from mcucc.answers.spec import OutputSpec, tensors_of
from mcucc.base.progress import Progress, silent
from mcucc.driver.ends import ends_of
from mcucc.driver.manifest import InFile, Manifest, PostTraining, Quantization
from mcucc.driver.samples import calibration_samples, preprocess_of
from mcucc.errors import DataError, ModelError
from mcucc.evaluate.file_values import FileValues, file_values
from mcucc.evaluate.fingerprint import fingerprint
from mcucc.evaluate.float_check import check_float
from mcucc.evaluate.float_outputs import calibrated_slices
from mcucc.evaluate.slices import Slices
from mcucc.frontends.frontier import of_file
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.load import ModelFile, ending_at, import_file, read_file
from mcucc.images.camera import CameraInput, cameras_of
from mcucc.images.datasets import CALIBRATION_COUNT
from mcucc.images.front import network_kernels, network_of, with_camera
from mcucc.images.preprocess import Preprocess, find_preprocess, says_preprocess, toml_of
from mcucc.images.samples import CalibrationSet
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.text import graph_text, integer_text
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import Rounding
from mcucc.passes import fold_attention
from mcucc.passes.channel_order import ordered
from mcucc.passes.constant_channels import (
    KeptChannels,
    Removed,
    behind,
    remove_constant_channels,
)
from mcucc.passes.fold_input import fold_input_normalisation
from mcucc.passes.linear import Affine
from mcucc.passes.pipeline import PASSES, optimize
from mcucc.quantize.border import BorderFacts
from mcucc.quantize.candidates import Chosen
from mcucc.quantize.lower import lower
from mcucc.quantize.pipeline import quantize_model
from mcucc.quantize.precision import Widening, wide_activations
from mcucc.quantize.problems import IntegerError
from mcucc.quantize.quantize import Mode, QuantizeOptions, Room
from mcucc.quantize.sensitivity import Sensitivities
from mcucc.quantize.split_outputs import SplitOutput
from mcucc.quantize.weight_choice import WeightChoice, few_bits

# What print_after names: the importer, the passes, the quantizer, the scheduler.
STAGES = (
    *("import", *PASSES, "fold_input", "quantize", "constant_channels"),
    *("answers", "lower", "schedule"),
)


@dataclass(frozen=True)
class NetworkOptions:
    """How a model file becomes an integer network.

    `noise` quantizes a float network on random pictures where no data is given: all channels are
    kept then, so that plans are right or a little large; values are not. Without a preprocessing
    TOML it assumes bytes / 255.
    """

    data: Path | None = None
    preprocess: Path | None = None
    input_shapes: Mapping[str, tuple[int, ...]] | None = None
    outputs: tuple[str, ...] = ()  # tensors of the file to end at; none: the file's own outputs
    observer: str = QuantizeOptions.observer
    calibrate: int = CALIBRATION_COUNT
    weights: WeightChoice = field(default_factory=WeightChoice)
    precision: Mapping[str, str] = field(default_factory=dict)  # tensors that are int16
    wide_bound: float | None = None  # choose more of them, within so many times int8's cost
    widen: Widening | None = None  # what they are chosen by (wide_cost.py)
    mode: Mode = Mode.DEFAULT  # effort of the quantizer; networks calibrated on noise need none
    room: Room | None = None  # of weights whose bits are chosen
    rounding: Rounding = Rounding.SINGLE
    fold_attention: bool = False  # tokens are keys and values: less memory, more products
    keep_constant: bool = False  # compute channels whose value is the same for every picture
    print_after: Callable[[str, str], None] | None = None  # stage name, text
    noise: bool = False
    raw_outputs: bool = False  # leave out what [output] of the TOML asks for

    @property
    def synthetic(self) -> bool:
        """Whether a float network is calibrated on noise."""
        return self.noise and self.data is None


@dataclass(frozen=True, eq=False)
class Origin:
    """What an integer network was made of here.

    `floats` is the float network in the file's values, `quantized` the integer one of the same
    nodes with all its channels; `maps` say which channels of it were scaled and shifted.
    """

    floats: Graph
    quantized: Graph
    calibration: CalibrationSet
    maps: Mapping[str, Affine] = field(default_factory=dict)
    sensitivities: Sensitivities | None = None


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """An integer network and where it comes from.

    `cameras` says per input how camera bytes become int8; it is empty where no preprocessing is
    known: such inputs take int8 as they are. `synthetic`: it was calibrated on noise, so that its
    sizes are right and its values are not.
    """

    file: ModelFile
    graph: Graph  # int8, with the nodes of [output]
    integer: IntegerGraph
    cameras: Mapping[str, CameraInput]
    preprocess: Preprocess | None
    quantization: Quantization
    imported: ImportedModel
    removed: Removed | None = None  # None: constant channels are kept
    borders: tuple[BorderFacts, ...] = ()  # of layers that pad a normalised input
    splits: tuple[SplitOutput, ...] = ()
    synthetic: bool = False
    worst_slice: Slices | None = None  # of the outputs, on calibration pictures
    origin: Origin | None = None  # None: the file was quantized
    chosen: Chosen | None = None  # of the quantizer's ways
    values: Mapping[str, FileValues] = field(
        default_factory=dict
    )  # tensors that are not the file's
    answers: tuple[Answer, ...] = ()
    recognised: Recognised | None = None  # what stands for [output], where the file says it

    @property
    def heads(self) -> tuple[Graph, IntegerGraph]:
        """The network itself: without a camera in front, and ending in what [output] reads."""
        graph, integer = network_of(self.graph), network_kernels(self.integer)
        return without(graph, self.answers), without_kernels(integer, self.answers)


def load_network(path: Path, options: NetworkOptions, progress: Progress = silent) -> LoadedModel:
    """Import, simplify, quantize and lower a model file.

    Raises ModelError and DataError; every message says where and what to do.
    """
    progress("importing", 0, 0)
    spec = None if options.raw_outputs else find_output(path, options.preprocess)
    read, recognised = read_file(path, options.outputs), None
    if spec is None and not (options.raw_outputs or options.outputs):
        found = recognise_file(read, options.input_shapes)
        recognised = found if isinstance(found, Recognised) else None
        spec = recognised.spec if recognised else None
    file, inner = ending_at(read, tensors_of(spec) if spec else {})
    imported = import_file(file, options.input_shapes)
    if spec is not None:  # whether it fits is told before anything takes time
        append(imported.graph, spec, ends_of(imported, (), inner, options.preprocess))
    try:
        if imported.quantized:
            network = _quantized(file, imported, options)
        else:
            network = _float(file, imported, options, progress)
        network = replace(_seeing(network), recognised=recognised)
        return _answering(network, spec, inner, options)
    except IntegerError as error:  # passes make nodes of their own
        problems = of_file(error.problems, imported.labels)
        raise IntegerError(problems, where=str(path)) from error


def _float(
    file: ModelFile, imported: ImportedModel, options: NetworkOptions, progress: Progress
) -> LoadedModel:
    if options.wide_bound is not None and options.widen is None:
        what, hint = "auto chooses for a board", "compile and plan have one; here name tensors"
        raise DataError(what, where="--precision", hint=hint)
    preprocess = preprocess_of(imported, options.preprocess, options.data, noise=options.noise)
    calibration = calibration_samples(
        imported, preprocess, options.data, options.calibrate, noise=options.noise
    )
    show = _printer(options)
    show("import", imported.graph)
    forms = float_forms(imported, preprocess, show, fold=options.fold_attention)
    progress("comparing with ONNX Runtime", 0, 0)
    check_float(imported, forms, calibration.samples[0])
    mode = Mode.PLAIN if options.synthetic else options.mode
    if imported.weight_scales and mode.tries_more:
        mode = Mode.FAST  # the weights are integers already, and stay what they are
    settings = QuantizeOptions(
        mode=mode,
        observer=options.observer,
        rounding=options.rounding,
        weights=options.weights,
        precision=options.precision,
        widen=options.widen,
        room=options.room,
        known=imported.weight_scales,
    )
    quantized = quantize_model(imported, forms[-1], calibration, settings, progress)
    network = LoadedModel(
        file=file,
        graph=quantized.graph,
        integer=quantized.integer,
        cameras=cameras_of(quantized.graph, preprocess, folded=True),
        preprocess=preprocess,
        quantization=PostTraining(
            observer=settings.observer,
            rounding=settings.rounding,
            mode=settings.mode,
            chosen=quantized.chosen,
            correct_biases=settings.mode is not Mode.PLAIN,
            calibration=calibration.facts,
            split_outputs=quantized.splits,
            weights=few_bits(quantized.graph, quantized.weights),
            precision=wide_activations(quantized.graph),
            float_network=fingerprint(forms[-1]),
            fold_attention=options.fold_attention,
        ),
        imported=imported,
        borders=quantized.borders,
        splits=quantized.splits,
        chosen=quantized.chosen,
        synthetic=options.synthetic,
        worst_slice=None
        if options.synthetic
        else calibrated_slices(imported, quantized.integer, quantized.splits, calibration.samples),
        origin=Origin(
            quantized.floats,
            quantized.graph,
            calibration,
            quantized.maps,
            quantized.sensitivities,
        ),
    )
    return _finished(network, options)


def _unseen(stage: str, graph: Graph) -> None:
    """No stage is printed."""


def forms_of(imported: ImportedModel, manifest: Manifest) -> tuple[Graph, ...]:
    """float_forms as a folder was compiled."""
    made = manifest.quantization
    fold = isinstance(made, PostTraining) and made.fold_attention
    return float_forms(imported, manifest.preprocess, fold=fold)


def float_forms(
    imported: ImportedModel,
    preprocess: Preprocess | None,
    show: Callable[[str, Graph], None] = _unseen,
    *,
    fold: bool = False,
) -> tuple[Graph, ...]:
    """The float network as imported, after the passes, and (of pictures) reading byte - 128.

    `fold`: weights around attention are folded (passes/fold_attention.py).
    """
    simplified = optimize(imported.graph, after=show)
    if fold:
        simplified = optimize(fold_attention.run(simplified), after=show)
    if preprocess is None:
        return imported.graph, simplified
    (name,) = imported.graph.inputs
    scale, offset = (values.tolist() for values in preprocess.affine())
    folded = optimize(fold_input_normalisation(simplified, name, scale, offset))
    show("fold_input", folded)
    return imported.graph, simplified, folded


def _quantized(file: ModelFile, imported: ImportedModel, options: NetworkOptions) -> LoadedModel:
    graph = imported.graph
    if options.weights != WeightChoice():
        raise ModelError(
            f"its weights are quantized already ({imported.format}): their bits are the file's",
            where=str(imported.model_path),
            hint="leave out --weights, or give the float network",
        )
    if options.precision or options.wide_bound is not None:
        raise ModelError(
            f"it is quantized already ({imported.format}): its types are the file's",
            where=str(imported.model_path),
            hint="leave out --precision and --quantize best, or give the float network",
        )
    _printer(options)("import", graph)
    graph, moved = ordered(graph)
    if graph is not imported.graph:
        _printer(options)("channel_order", graph)
    preprocess = None
    said = toml_of(imported.model_path, options.preprocess)
    if said is not None and says_preprocess(said):
        preprocess = find_preprocess(imported.model_path, options.preprocess)
    if preprocess is not None and len(graph.inputs) == 1:
        shape = graph.tensors[graph.inputs[0]].shape
        preprocess.check_input(hwc(shape), where=str(imported.model_path))
    network = LoadedModel(
        file=file,
        graph=graph,
        integer=lower(graph, options.rounding),
        cameras=cameras_of(graph, preprocess, folded=False),
        preprocess=preprocess,
        quantization=InFile(f"as in the file ({imported.format})", options.rounding),
        imported=imported,
    )
    return _finished(network, options, moved)


def _finished(
    network: LoadedModel, options: NetworkOptions, moved: Mapping[str, KeptChannels] | None = None
) -> LoadedModel:
    """The network without its constant channels, unless they are to be kept.

    `moved` are tensors whose channels are in another order than the file's. What noise shows to be
    constant need not be so in pictures: plans would claim too little.
    """
    if options.print_after is not None:
        options.print_after("quantize", graph_text(network.graph))
    maps = {} if network.origin is None else network.origin.maps
    moved = moved or {}
    network = replace(network, values=file_values(maps, moved))
    if not (options.keep_constant or network.synthetic):
        rounding = network.integer.rounding
        graph, removed, kept = remove_constant_channels(network.graph, rounding)
        network = replace(network, graph=graph, removed=removed)
        network = replace(network, values=file_values(maps, behind(moved, kept)))
        if removed.layers:
            network = replace(network, integer=lower(graph, rounding))
    if options.print_after is not None:
        options.print_after("constant_channels", graph_text(network.graph))
    return network


def _seeing(network: LoadedModel) -> LoadedModel:
    """The network that reads its camera's own bytes, where the preprocessing says which."""
    preprocess = network.preprocess
    if preprocess is None or preprocess.camera is None:
        return network
    folded, rounding = network.origin is not None, network.integer.rounding
    graph = with_camera(network.graph, preprocess, folded=folded)
    sent = CameraInput.as_sent(preprocess.camera.shape[2], preprocess.camera.title)
    cameras = {graph.inputs[0]: sent}
    return replace(network, graph=graph, integer=lower(graph, rounding), cameras=cameras)


def _answering(
    network: LoadedModel,
    spec: OutputSpec | None,
    inner: Mapping[str, str],
    options: NetworkOptions,
) -> LoadedModel:
    """The network with the nodes that `[output]` asks for: nothing measures their noise.

    `inner` are outputs by the names of tensors inside the file.
    """
    if spec is not None:
        made = append(
            network.graph,
            spec,
            ends_of(network.imported, network.splits, inner, options.preprocess),
        )
        integer = lower(made.graph, network.integer.rounding)
        network = replace(network, graph=made.graph, integer=integer, answers=made.answers)
        _printer(options)("answers", made.graph)
    if options.print_after is not None:
        options.print_after("lower", integer_text(network.integer))
    return network


def _printer(options: NetworkOptions) -> Callable[[str, Graph], None]:
    show = options.print_after
    if show is None:
        return _unseen
    return lambda stage, graph: show(stage, graph_text(graph))
