"""What `import mcucc` offers: each verb of the command line as one function, and what is between.

    network = mcucc.quantized("net.onnx", data="pictures")
    schedule = mcucc.plan(network, "nucleo-l4r5zi", mcucc.ScheduleOptions(max_slowdown=1.1))
    report = mcucc.compile("net.onnx", board="nucleo-l4r5zi", data="pictures", out="build/net")
    folder = mcucc.open_folder("build/net")
    assert mcucc.validate(folder, "pictures").passed
    outputs = mcucc.run(folder, "picture.jpg").outputs

All errors a user can act on are subclasses of `mcucc.McuccError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mcucc.base.progress import silent
from mcucc.boards.board import load_board
from mcucc.driver.compile import CompileOptions, compile_model
from mcucc.driver.folder import CompiledFolder, open_compiled
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.run import Run, run_samples
from mcucc.driver.samples import sample_of
from mcucc.driver.target import target_of
from mcucc.driver.validate import Validation
from mcucc.driver.validate import validate as validate_folder
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.load import load_model
from mcucc.report.facts import Report
from mcucc.schedule.plan.check import check
from mcucc.schedule.search.choose import Schedule
from mcucc.schedule.search.choose import schedule as make_schedule
from mcucc.schedule.search.wishes import ScheduleOptions

PathLike = str | Path


def load(
    model: PathLike,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    outputs: Sequence[str] = (),
) -> ImportedModel:
    """The Graph of a model file: of floats, or of int8 where the file is quantized already.

    `input_shapes` are those the file leaves open; `outputs` names tensors of the file to end at.
    Raises ModelError and UnsupportedError.
    """
    return load_model(Path(model), input_shapes=input_shapes, outputs=outputs)


def quantized(
    model: PathLike, data: PathLike | None = None, options: NetworkOptions | None = None
) -> LoadedModel:
    """The integer network of a model file; a float one is calibrated with `data`.

    Raises ModelError, UnsupportedError and DataError.
    """
    return load_network(Path(model), _with_data(options, data))


def plan(network: LoadedModel, board: str, options: ScheduleOptions | None = None) -> Schedule:
    """How the network runs on a board: steps, buffers and offsets, replayed by the checker.

    `board` is a name or the path of a TOML. Raises BoardError and FitError.
    """
    made = make_schedule(
        network.integer, target_of(load_board(board)), options or ScheduleOptions()
    )
    check(made.program)
    return made


def compile(  # the verb of the command line
    model: PathLike,
    *,
    board: str,
    out: PathLike,
    data: PathLike | None = None,
    network: NetworkOptions | None = None,
    schedule: ScheduleOptions | None = None,
    name: str | None = None,
    optimize: str = "balanced",
    emulator: str = "auto",
) -> Report:
    """Write C, firmware, manifest and report into `out`, all of them or nothing; the report.

    `optimize` is speed, balanced or size; `emulator` auto, qemu, unicorn or none. Raises
    McuccErrors of every stage, FitError with by how much it does not fit.
    """
    options = CompileOptions(
        board=board,
        out=Path(out),
        network=_with_data(network, data),
        name=name,
        emulator=emulator,
        schedule=replace(schedule or ScheduleOptions(), optimize=optimize),
    )
    return compile_model(Path(model), options)


def open_folder(folder: PathLike) -> CompiledFolder:
    """A folder that `compile` wrote; OutputError when it is none."""
    return open_compiled(Path(folder))


def validate(
    folder: CompiledFolder,
    data: PathLike,
    *,
    limit: int | None = None,
    on: str = "auto",
    emulator: str = "",
    flash: bool = False,
    time_limit_s: float = 1800.0,
    layers: bool = False,
    labels: Sequence[PathLike] = (),
    groups: Sequence[str] | None = None,
) -> Validation:
    """Every sample in float, NumPy, host C and emulated C, compared byte for byte.

    `on` is what --on takes: an emulator, or a board by a GDB server, whose flash may be overwritten
    with `flash`; `emulator` is another name of it.

    With `layers` also what each layer's rounding costs, on a few samples. Answers that [output]
    says are rated by `labels`, files or folders of boxes or masks, or by those beside the pictures.
    `groups` are columns of labels.csv that are rated apart, None for all that make groups.

    Raises DataError for unusable data, ToolError when a compiler or emulator fails.
    """
    return validate_folder(
        folder,
        Path(data),
        limit=limit,
        emulator=emulator or on,
        flash=flash,
        time_limit_s=time_limit_s,
        progress=silent,
        layers=layers,
        labels=[Path(path) for path in labels],
        groups=groups,
    )


def run(
    folder: CompiledFolder,
    sample: PathLike,
    *,
    on: str = "auto",
    emulator: str = "",
    flash: bool = False,
) -> Run:
    """One sample (a picture, an .npy or .npz) through the C: emulated, on a board, on the "host".

    `on`, `emulator` and `flash` as in `validate`.

    Raises DataError and ToolError.
    """
    samples = [sample_of(Path(sample), folder)]
    return run_samples(folder, samples, emulator or on, flash=flash)


def _with_data(options: NetworkOptions | None, data: PathLike | None) -> NetworkOptions:
    chosen = options or NetworkOptions()
    return chosen if data is None else replace(chosen, data=Path(data))
