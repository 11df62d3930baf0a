"""How near int8 comes to float: our quantizer's modes beside LiteRT's file and ONNX Runtime's.

    python -m benchmarks.quantizers [--judged copies] [--write docs/benchmarks.md] MODEL...

Float ONNX networks of the zoo that classify. All methods calibrate on the same first pictures and
are judged on the others. Ours run in NumPy, which the emulated C equals byte for byte. A difference
of top-1 of a point is within the luck of some hundreds of pictures; signal to noise, KL and how
often the class is float's are not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy import percent, pictures_of, row
from benchmarks.document import write_section
from mcucc.boards.board import load_board
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.wide_cost import with_widening
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.load import import_file, read_file
from mcucc.images.camera import CameraInput
from mcucc.images.datasets import CALIBRATION_COUNT
from mcucc.images.preprocess import Bytes, Preprocess, find_preprocess
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.float_session import FloatSession
from mcucc.oracles.litert import LitertSession
from mcucc.quantize.quantize import Mode
from mcucc.schedule.search.wishes import ScheduleOptions

Logits = npt.NDArray[np.float64]  # (pictures, classes)
TOGETHER = 16  # pictures that NumPy computes at once
SHIFT, COPIES = 4, 6  # pixels that copies are moved by; copies of a picture
NORMAL_95 = 1.96
BOARD, WIDE_BOUND = "stm32f746g-disco", 1.15  # what --quantize best counts costs on


@dataclass(frozen=True)
class Judged:
    """One method on one network: shares 0 to 1, `error` the 95 % interval's half width of top-1.

    `snr` is of the logits in dB, `centred` of each picture's logits less their mean: a converter
    may leave a constant in them that softmax ignores.
    """

    network: str
    method: str
    pictures: int
    top1: float
    error: float
    agreement: float
    snr: float | None
    centred: float | None
    kl: float
    cpu_seconds: float

    def cells(self) -> list[str]:
        """Of the table's row."""
        signal = ["-" if x is None else f"{x:.1f}" for x in (self.snr, self.centred)]
        top1 = f"{percent(self.top1)} ± {percent(self.error)}"
        cells = [self.network, self.method, str(self.pictures), top1, percent(self.agreement)]
        return [*cells, *signal, f"{self.kl:.4f}", f"{self.cpu_seconds:.0f}"]


def judge(
    network: str,
    method: str,
    found: Logits,
    floats: Logits,
    labels: npt.NDArray[np.int64],
    seconds: float,
) -> Judged:
    """Compare logits with those of the float network."""
    top1 = float((found.argmax(axis=1) == labels).mean())
    exact = found is floats
    return Judged(
        network,
        method,
        len(labels),
        top1,
        NORMAL_95 * (top1 * (1 - top1) / len(labels)) ** 0.5,
        float((found.argmax(axis=1) == floats.argmax(axis=1)).mean()),
        None if exact else decibels(floats, found),
        None if exact else decibels(centred(floats), centred(found)),
        divergence(floats, found),
        seconds,
    )


def decibels(reference: Logits, found: Logits) -> float:
    """Signal to noise ratio, 10 log10(sum ref^2 / sum (found - ref)^2)."""
    noise = float(((found - reference) ** 2).sum())
    return float(10 * np.log10(float((reference**2).sum()) / max(noise, 1e-300)))


def centred(logits: Logits) -> Logits:
    """Less the mean of each picture."""
    return logits - logits.mean(axis=1, keepdims=True)


def divergence(reference: Logits, found: Logits) -> float:
    """Mean KL(reference || found) of the softmax, in nats."""
    p, q = log_softmax(reference), log_softmax(found)
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


def log_softmax(logits: Logits) -> Logits:
    """Over the last axis."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def copies(images: Sequence[Bytes]) -> Iterator[Bytes]:
    """Six moved or mirrored copies of each picture, its edge repeated where nothing was seen."""
    for image in images:
        for mirrored in (image, image[:, ::-1]):
            for down, right in ((0, SHIFT), (SHIFT, 0), (-SHIFT, -SHIFT)):
                yield moved(mirrored, down, right)


def moved(image: Bytes, down: int, right: int) -> Bytes:
    """Moved by whole pixels."""
    rows = np.clip(np.arange(image.shape[0]) - down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) - right, 0, image.shape[1] - 1)
    return np.ascontiguousarray(image[rows][:, columns])


def float_logits(model: ImportedModel, preprocess: Preprocess, images: Sequence[Bytes]) -> Logits:
    """ONNX Runtime on the file."""
    session, (name,) = FloatSession(model), model.graph.outputs
    found = [session.run([preprocess.real_values(image)])[name] for image in images]
    return np.array(found, np.float64).reshape(len(images), -1)


def integer_logits(graph: IntegerGraph, camera: CameraInput, images: Sequence[Bytes]) -> Logits:
    """The NumPy reference of an integer network."""
    (source,), (output,) = graph.inputs, graph.outputs
    parts = []
    for begin in range(0, len(images), TOGETHER):
        q = np.stack([camera.apply(image) for image in images[begin : begin + TOGETHER]])
        parts.append(graph.activations[output].real(graph.run({source: q})[output]))
    return np.concatenate(parts).reshape(len(images), -1)


def litert_logits(path: Path, images: Sequence[Bytes]) -> Logits:
    """LiteRT's default path on a quantized file."""
    network = load_network(path, NetworkOptions())
    (camera,), (output,) = network.cameras.values(), network.integer.outputs
    session = LitertSession(path, Rounding.SINGLE)
    found = session.outputs([camera.apply(image)] for image in images)[output]
    real = network.integer.activations[output].real(found)
    return np.asarray(real, np.float64).reshape(len(images), -1)


def onnxruntime_logits(
    model: ImportedModel, preprocess: Preprocess, seen: Sequence[Bytes], images: Sequence[Bytes]
) -> Logits:
    """ONNX Runtime's quantize_static: QDQ, int8, weights per channel, min-max."""
    import onnxruntime as ort
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    ort.set_default_logger_severity(3)  # of initializers that it leaves out

    (port,) = model.ports

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._images = iter(seen)

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            image = next(self._images, None)
            return None if image is None else {port.name: fed(image)}

    def fed(image: Bytes) -> npt.NDArray[np.float32]:
        return port.in_file(preprocess.real_values(image)).astype(np.float32)

    with tempfile.TemporaryDirectory() as scratch:
        prepared, path = Path(scratch) / "prepared.onnx", Path(scratch) / "int8.onnx"
        quant_pre_process(str(model.model_path), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(path),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        # As the file says, in float: its int8 kernels saturate on processors without VNNI, and then
        # 16 dB become 5.
        settings = ort.SessionOptions()
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    found = [session.run(None, {port.name: fed(image)})[0] for image in images]
    return np.array(found, np.float64).reshape(len(images), -1)


@dataclass(frozen=True, eq=False)
class Question:
    """One network: the pictures it is calibrated on, and those it is judged on."""

    path: Path
    data: Path
    calibrate: int
    seen: Sequence[Bytes]
    images: Sequence[Bytes]
    labels: npt.NDArray[np.int64]

    def quantized(self, mode: str) -> LoadedModel:
        """The network as `compile --quantize MODE` makes it for BOARD."""
        chosen = Mode(mode)
        options = NetworkOptions(data=self.data, calibrate=self.calibrate, mode=chosen)
        if chosen is Mode.BEST:
            options = replace(options, wide_bound=WIDE_BOUND)
            options = with_widening(options, load_board(BOARD), ScheduleOptions())
        return load_network(self.path, options)


def question(path: Path, data: Path, calibrate: int, judged: str) -> Question:
    """A network of the zoo and its pictures: the unseen ones, copies of these, or all."""
    shown = pictures_of(path, data, None)
    kept = [image for image, used in zip(shown.images, shown.calibrated, strict=True) if used]
    chosen = np.flatnonzero(~shown.calibrated | (judged == "all"))
    images, labels = [shown.images[i] for i in chosen], shown.labels[chosen]
    if judged == "copies":
        labels, images = np.repeat(labels, COPIES), list(copies(images))
    return Question(path, shown.path, calibrate, kept[:calibrate], images, labels)


def answers(asked: Question, modes: Sequence[str]) -> Iterator[tuple[str, Logits, float]]:
    """Name, logits and CPU seconds of every method, the float network first."""
    imported = import_file(read_file(asked.path))
    preprocess = find_preprocess(asked.path)
    yield "float", float_logits(imported, preprocess, asked.images), 0.0
    for mode in modes:
        begin = time.process_time()
        network = asked.quantized(mode)
        seconds = time.process_time() - begin
        (camera,) = network.cameras.values()
        yield f"mcucc {mode}", integer_logits(network.integer, camera, asked.images), seconds
    published = asked.path.parents[1] / "tflite" / f"{asked.path.stem}.tflite"
    if published.is_file():
        yield "published .tflite, LiteRT", litert_logits(published, asked.images), 0.0
    begin = time.process_time()
    found = onnxruntime_logits(imported, preprocess, asked.seen, asked.images)
    yield "ONNX Runtime quantize_static", found, time.process_time() - begin


def measure(asked: Question, modes: Sequence[str]) -> Iterator[Judged]:
    """Every method on one network."""
    floats: Logits | None = None
    for method, found, seconds in answers(asked, modes):
        floats = found if floats is None else floats
        yield judge(asked.path.stem, method, found, floats, asked.labels, seconds)


INTRODUCTION = """## Quantizers

Written by `python -m benchmarks.quantizers --write docs/benchmarks.md MODEL...`: float networks of
the zoo, all methods calibrated on the same first pictures, judged on {judged}, `mcucc` by its NumPy
reference, which the emulated C equals. Top-1 with the half width of its 95 % interval; *float's
class*: pictures whose class is the float network's; signal to noise ratio of the logits, and of
logits less their mean, in dB; KL(float || int8) of the softmax in nats; CPU seconds of quantizing.
"""
COLUMNS = (
    *("network", "method", "pictures", "top-1 %", "float's class %", "SNR dB", "centred dB"),
    *("KL", "CPU s"),
)
JUDGED = {
    "unseen": "the pictures that did not calibrate",
    "copies": "six mirrored or shifted copies of the pictures that did not calibrate",
    "all": "all pictures, those that calibrated among them",
}


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, help="default: `data` beside the zoo")
    parser.add_argument("--calibrate", type=int, default=CALIBRATION_COUNT)
    parser.add_argument("--judged", choices=tuple(JUDGED), default="unseen")
    parser.add_argument("--modes", nargs="*", default=["fast", "default", "best"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="a Markdown file whose section is replaced")
    options = parser.parse_args()
    lines = [row(COLUMNS), row(["---"] * len(COLUMNS))]
    print("\n".join(lines), flush=True)
    results: list[Judged] = []
    for path in options.models:
        data = options.data or path.resolve().parents[2] / "data"
        asked = question(path, data, options.calibrate, options.judged)
        for result in measure(asked, options.modes):
            results.append(result)
            lines.append(row(result.cells()))
            print(lines[-1], flush=True)
            if options.json:
                options.json.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    if options.write:
        about = INTRODUCTION.format(judged=JUDGED[options.judged])
        write_section(options.write, "quantizers", "\n".join([about, *lines]))


if __name__ == "__main__":
    main()
