"""Accuracy of emulated firmware on labelled pictures, beside LiteRT or the float network.

    python -m benchmarks.accuracy [--limit N] [--json FILE] [--write docs/benchmarks.md] MODEL...

Models of the zoo: its manifest says which pictures belong to each, `--data` where they are. Every
output of the emulated C is compared with the C on this host first.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.document import write_section
from benchmarks.firmware import NAME, generate, roomy
from mcucc.backends import Qemu, run_host
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.target import bind
from mcucc.evaluate.ways import is_classifier
from mcucc.images.datasets import CALIBRATION_COUNT, load_dataset, pictures
from mcucc.images.preprocess import Bytes, find_preprocess
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.float_session import FloatSession
from mcucc.oracles.litert import LitertSession
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.named import LAYERS as LAYER_BY_LAYER
from mcucc.schedule.search.pick import Bounds, least_memory
from mcucc.toolchain import BuildOptions, build_firmware
from mcucc.toolchain.host import build_shared

FILES = {"cifar10": "cifar10.npz"}
TIME_LIMIT_S = 7200.0
LEAST_SRAM = SearchOptions(image=ImagePolicy.ROWS)
LAYERS = SearchOptions(schedule=LAYER_BY_LAYER)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Camera bytes of a model's labelled pictures; what the manifest says of it."""

    path: Path
    stated: float | None  # top-1 of the file, 0 to 1
    images: tuple[Bytes, ...]
    labels: npt.NDArray[np.int64]
    calibrated: npt.NDArray[np.bool_]  # the pictures a float network is calibrated on


def pictures_of(model: Path, data: Path, limit: int | None) -> Pictures:
    """The pictures the zoo's manifest names for a model."""
    manifest = json.loads((model.parents[1] / "manifest.json").read_text(encoding="utf-8"))
    about = manifest[f"{model.parent.name}/{model.name}"]
    task = about["task"].split()[0]
    path = data / FILES.get(task, task)
    dataset = load_dataset(path, limit=limit)
    items = dataset.labelled
    chosen = {item.name for item in dataset.calibration_items[:CALIBRATION_COUNT]}
    return Pictures(
        path,
        about.get("litert_top1", about.get("float_top1")),
        tuple(each.image for each in pictures(items, find_preprocess(model), where=str(path))),
        np.array([item.label for item in items]),
        np.array([item.name in chosen for item in items]),
    )


def emulate(network: LoadedModel, images: Sequence[Bytes], options: SearchOptions) -> list[bytes]:
    """Outputs of the linked Cortex-M4 image, of the plan with least SRAM without a MAC twice.

    RuntimeError where the same C gives other bytes on this host.
    """
    board, raw = roomy("cortex-m4"), [image.tobytes() for image in images]
    front = search(bind(network.integer, board, "balanced"), options)
    point = least_memory(front.points, Bounds(macs=1.0))
    assert point is not None  # plans that repeat no work are always found
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        unit, kernels = generate(network, point.program, folder)
        flags = BuildOptions("-O2")
        firmware = build_firmware([unit], kernels, board, folder / "arm", options=flags)
        emulated = Qemu().run(firmware, raw, timeout_s=TIME_LIMIT_S).outputs
        on_host = run_host(build_shared([unit], kernels, folder / "host"), NAME, raw)
    if emulated != on_host:
        raise RuntimeError(f"{network.file.path.name}: host and emulated C differ")
    return list(emulated)


def litert(network: LoadedModel, images: Sequence[Bytes], rounding: Rounding) -> list[bytes]:
    """LiteRT's int8 outputs: reference kernels for double rounding, its default path for single."""
    session, graph = LitertSession(network.file.path, rounding), network.integer
    (camera,) = network.cameras.values()
    found = session.outputs([camera.apply(image)] for image in images)
    count = range(len(images))
    return [b"".join(found[n][i].astype(np.int8).tobytes() for n in graph.outputs) for i in count]


Classes = npt.NDArray[np.int64]


def classes(network: LoadedModel, outputs: Sequence[bytes]) -> Classes | None:
    """The class each picture got; None for networks that do not classify."""
    if not is_classifier(network.integer):
        return None
    return np.array([np.frombuffer(raw, np.int8).argmax() for raw in outputs])


def share(found: Classes | None, expected: Classes | None) -> float | None:
    """How many classes are the expected ones, 0 to 1."""
    if found is None or expected is None or not len(expected):
        return None
    return float((found == expected).mean())


@dataclass(frozen=True)
class Pair:
    """Our C and LiteRT under one rounding: right classes (0 to 1; None: no classifier)."""

    ours: float | None
    theirs: float | None
    same_class: float | None
    same_bytes: int  # pictures whose outputs have all bytes equal


@dataclass(frozen=True)
class Quantized:
    """A .tflite under both roundings."""

    network: str
    pictures: int
    stated: float | None
    single: Pair
    double: Pair

    def cells(self) -> list[str]:
        """Of the table's row."""
        single, double = self.single, self.double
        shares = (self.stated, single.theirs, double.theirs, single.ours, double.ours)
        same = [percent(single.same_class), str(single.same_bytes), str(double.same_bytes)]
        return [self.network, str(self.pictures), *map(percent, shares), *same]


def measure_tflite(path: Path, data: Path, limit: int | None) -> Quantized:
    """A quantized file: LiteRT with both of its resolvers and our C with both roundings."""
    shown = pictures_of(path, data, limit)
    pairs = [compare_with_litert(path, shown, r) for r in (Rounding.SINGLE, Rounding.DOUBLE)]
    return Quantized(path.stem, len(shown.images), shown.stated, *pairs)


def compare_with_litert(path: Path, shown: Pictures, rounding: Rounding) -> Pair:
    """One rounding on all pictures."""
    network = load_network(path, NetworkOptions(rounding=rounding))
    ours = emulate(network, shown.images, LEAST_SRAM)
    theirs = litert(network, shown.images, rounding)
    found, known = classes(network, ours), classes(network, theirs)
    return Pair(
        share(found, shown.labels),
        share(known, shown.labels),
        share(found, known),
        sum(a == b for a, b in zip(ours, theirs, strict=True)),
    )


@dataclass(frozen=True)
class Float:
    """A float network that we quantize: shares of right classes, all pictures and new ones."""

    network: str
    pictures: int
    new_pictures: int  # those it was not calibrated on
    stated: float | None
    floats: float | None
    ours: float | None
    new_floats: float | None
    new_ours: float | None
    same_class: float | None

    def cells(self) -> list[str]:
        """Of the table's row."""
        shares = (self.stated, self.floats, self.ours, self.same_class)
        new = (self.new_floats, self.new_ours)
        cells = [self.network, str(self.pictures), *map(percent, shares)]
        return [*cells, str(self.new_pictures), *map(percent, new)]


def measure_onnx(path: Path, data: Path, limit: int | None) -> Float:
    """A float network in ONNX Runtime and as our int8 C, calibrated as `compile` does."""
    shown = pictures_of(path, data, limit)
    network = load_network(path, NetworkOptions(data=shown.path))
    assert not network.imported.quantized and network.preprocess is not None
    session, (name,) = FloatSession(network.imported), network.imported.graph.outputs
    real = (network.preprocess.real_values(image) for image in shown.images)
    floats = np.array([session.run([values])[name].argmax() for values in real])
    ours = classes(network, emulate(network, shown.images, LEAST_SRAM))
    new = ~shown.calibrated
    assert ours is not None
    return Float(
        path.stem,
        len(shown.images),
        int(new.sum()),
        shown.stated,
        share(floats, shown.labels),
        share(ours, shown.labels),
        share(floats[new], shown.labels[new]),
        share(ours[new], shown.labels[new]),
        share(ours, floats),
    )


def percent(value: float | None) -> str:
    """A share in a table."""
    return "-" if value is None else f"{100 * value:.1f}"


def row(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


MEASURES = {".tflite": measure_tflite, ".onnx": measure_onnx}
INTRODUCTION = """## Accuracy

Written by `python -m benchmarks.accuracy --write docs/benchmarks.md MODEL...`: linked Cortex-M4
images in QEMU, each of the plan with least SRAM at F = 1.00 (rows of the image streamed), on every
labelled picture of the zoo's data. The same C on the host gave the same bytes for every picture.
Top-1 in percent, beside what the zoo's manifest states of the file (LiteRT's reference kernels, or
float). LiteRT is ai-edge-litert: its default path (XNNPACK) belongs to `--rounding single`, its
reference kernels to `double`; [how they differ](numerics-litert.md).
"""
TITLES = {
    Quantized: "Quantized files",
    Float: "Float networks, quantized by mcucc: `single`, calibrated on the first 100 pictures",
}
COLUMNS = {
    Quantized: (
        "network",
        "pictures",
        "stated",
        "LiteRT default",
        "LiteRT reference",
        "C `single`",
        "C `double`",
        "`single`: class of the default path",
        "`single`: pictures with all bytes of the default path",
        "`double`: pictures with all bytes of the reference",
    ),
    Float: (
        "network",
        "pictures",
        "stated",
        "float",
        "C",
        "C: class of the float network",
        "pictures not calibrated on",
        "float on them",
        "C on them",
    ),
}


def tables(results: Sequence[Quantized | Float]) -> list[str]:
    """Each kind of result under its title."""
    lines: list[str] = []
    for kind, title in TITLES.items():
        rows = [row(result.cells()) for result in results if isinstance(result, kind)]
        if rows:
            rule = row(["---"] * len(COLUMNS[kind]))
            lines += [f"### {title}", "", row(COLUMNS[kind]), rule, *rows, ""]
    return lines


def main() -> None:
    """Print the tables line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, help="default: `data` beside the zoo")
    parser.add_argument("--limit", type=int, help="only the first so many pictures")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="a Markdown file whose section is replaced")
    options = parser.parse_args()
    results: list[Quantized | Float] = []
    for path in options.models:
        data = options.data or path.resolve().parents[2] / "data"
        results.append(MEASURES[path.suffix](path, data, options.limit))
        print(row(results[-1].cells()), flush=True)
        if options.json:
            found = [{"kind": type(r).__name__, **asdict(r)} for r in results]
            options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.write:
        write_section(options.write, "accuracy", "\n".join([INTRODUCTION, *tables(results)]))


if __name__ == "__main__":
    main()
