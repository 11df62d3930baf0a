"""Outputs whose Concat joins unlike ranges are several, and together the file's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mcucc.frontends.onnx.importer import import_onnx
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import CalibrationSet, Picture
from mcucc.ir.verify import verify
from mcucc.ir.window import hwc
from mcucc.passes.fold_input import fold_input_normalisation
from mcucc.passes.pipeline import optimize
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.observers.base import Range
from mcucc.quantize.pipeline import QuantizedModel, quantize_model
from mcucc.quantize.split_outputs import LEAST_LEVELS, split_outputs
from tests.frontends.onnx_nets import Net, runtime

SIDE = 8
PREPROCESS = Preprocess("rgb", (SIDE, SIDE), scale=1 / 255)
PICTURES = np.random.default_rng(3).integers(0, 256, (6, SIDE, SIDE, 3), np.uint8)
Head = Callable[[Net, str], str]


def boxes(n: Net, x: str, pixels: float = 320.0) -> str:
    """(1, 4, 8, 8) in pixels."""
    return n("Mul", n("Sigmoid", n.conv(x, 4, 4, 1)), n.const(pixels))


def scores(n: Net, x: str, classes: int = 3) -> str:
    """(1, classes, 8, 8) of 0 to 1."""
    return n("Sigmoid", n.conv(x, 4, classes, 1))


def flat(n: Net, x: str, channels: int) -> str:
    return n("Reshape", x, n.ints(1, channels, SIDE * SIDE))


def channels(n: Net, x: str) -> str:
    """Pictures joined along their channels."""
    return n("Concat", boxes(n, x), scores(n, x), axis=1)


def decoded(n: Net, x: str) -> str:
    """(1, 7, 64): as YOLOv8 ends."""
    return n("Concat", flat(n, boxes(n, x), 4), flat(n, scores(n, x), 3), axis=1)


def anchors_first(n: Net, x: str) -> str:
    """(1, 64, 7): the same transposed, as YOLOv5 ends."""
    return n("Transpose", decoded(n, x), perm=[0, 2, 1])


def reshaped(n: Net, x: str) -> str:
    """The Concat of pictures, then its pixels in a row."""
    return flat(n, channels(n, x), 7)


def of_scales(n: Net, x: str) -> str:
    """Heads of two scales one behind the other, each of boxes and scores: (1, 7, 80)."""
    half = n("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    heads = []
    for source, pixels in ((x, 64), (half, 16)):
        head = n("Concat", boxes(n, source), scores(n, source), axis=1)
        heads.append(n("Reshape", head, n.ints(1, 7, pixels)))
    return n("Concat", *heads, axis=2)


def sliced(n: Net, x: str) -> str:
    """The last column of the boxes and the first two scores."""
    return n("Slice", decoded(n, x), n.ints(3), n.ints(6), n.ints(1))


def model(folder: Path, head: Head) -> tuple[Path, str]:
    n = Net([1, 3, SIDE, SIDE], seed=4)
    out = head(n, n("Relu", n.conv("image", 3, 4)))
    n.nodes[-1].output[0] = "out"
    del out
    return n.save(folder, "out"), "out"


def quantized(path: Path) -> QuantizedModel:
    imported = import_onnx(path)
    scale, offset = (values.tolist() for values in PREPROCESS.affine())
    graph = optimize(imported.graph)
    graph = optimize(fold_input_normalisation(graph, "image", scale, offset))
    pictures = enumerate(PICTURES)
    samples = tuple(Picture(image, PREPROCESS, name=str(i)) for i, image in pictures)
    return quantize_model(imported, graph, CalibrationSet("test", samples))


def in_file(made: QuantizedModel, path: Path, parts: dict[str, np.ndarray]) -> np.ndarray:
    """The file's output of one picture from the parts' real values (H, W, C)."""
    imported = import_onnx(path)
    (split,) = made.splits
    joined = np.concatenate([parts[part.name] for part in split.parts], axis=split.axis)
    stored = joined.reshape(imported.graph.tensors["out"].shape)
    return stored.transpose(np.argsort(imported.sources["out"].permutation))


@pytest.mark.parametrize(
    ("head", "axis", "lengths"),
    [
        (channels, 1, [4, 3]),
        (decoded, 1, [4, 3]),
        (anchors_first, 2, [4, 3]),
        (reshaped, 1, [4, 3]),
        (of_scales, 1, [4, 3]),
        (sliced, 1, [1, 2]),
    ],
)
def test_small_values_beside_large_ones_keep_their_bits(
    tmp_path: Path, head: Head, axis: int, lengths: list[int]
) -> None:
    """ONNX Runtime's floats within the steps of the part's own scale."""
    path, name = model(tmp_path, head)
    made = quantized(path)
    verify(made.graph)
    (split,) = made.splits
    assert made.graph.outputs == (f"{name}_0", f"{name}_1")
    assert split.file_axis == axis
    assert [part.end - part.begin for part in split.parts] == lengths
    small = made.integer.activations[split.parts[1].name]
    assert small.scale < 1 / 200
    for picture in PICTURES[:3]:
        q = (picture.astype(np.int16) - 128).astype(np.int8)
        values = made.integer.run({"image": q[None]})
        parts = {}
        for part in split.parts:
            a = made.integer.activations[part.name]
            parts[part.name] = (values[part.name][0].astype(np.float64) - a.zero_point) * a.scale
        found = in_file(made, path, parts)
        real = PREPROCESS.real_values(picture).transpose(2, 0, 1)[None]
        (wanted,) = runtime(path, {"image": real})
        assert found.shape == wanted.shape
        large, tiny = np.split(np.moveaxis(np.abs(found - wanted), axis, 0), lengths[:1])
        assert tiny.max() < 0.05
        assert large.max() < 0.05 * 320


def test_parts_are_the_float_output_cut(tmp_path: Path) -> None:
    path, _ = model(tmp_path, decoded)
    (split,) = quantized(path).splits
    values = np.random.default_rng(0).normal(size=(2, *hwc((1, 7, 64))))
    pieces = split.pieces(values)
    np.testing.assert_array_equal(np.concatenate(list(pieces.values()), split.axis + 1), values)


def test_like_ranges_stay_one_output(tmp_path: Path) -> None:
    def like(n: Net, x: str) -> str:
        return n("Concat", boxes(n, x, 2.0), scores(n, x), axis=1)

    made = quantized(model(tmp_path, like)[0])
    assert made.splits == ()
    assert made.graph.outputs == ("out",)


@pytest.mark.parametrize(("times", "parts"), [(7.9, 1), (8.1, 2)])
def test_the_border_is_five_bits(tmp_path: Path, times: float, parts: int) -> None:
    """A range of 1 under the scale of `times` as much keeps 256 / times levels."""

    def two(n: Net, x: str) -> str:
        return n("Concat", n.conv(x, 4, 2, 1), n.conv(x, 4, 2, 1), axis=1)

    graph = import_onnx(model(tmp_path, two)[0]).graph
    first, second = graph.nodes[-1].inputs
    ranges = Ranges("", 1, {first: Range(0.0, times), second: Range(0.0, 1.0)})
    changed, splits = split_outputs(graph, ranges, {})
    assert len(changed.outputs) == parts
    assert len(splits) == (parts > 1)
    assert LEAST_LEVELS == 2**5


def test_neighbours_that_are_alike_share_a_part(tmp_path: Path) -> None:
    """xy, wh, objectness, classes: two outputs."""

    def four(n: Net, x: str) -> str:
        parts = [boxes(n, x), boxes(n, x, 200.0), scores(n, x, 1), scores(n, x)]
        return n("Concat", *parts, axis=1)

    (split,) = quantized(model(tmp_path, four)[0]).splits
    assert [(part.begin, part.end) for part in split.parts] == [(0, 8), (8, 12)]


def test_a_concat_that_is_read_on_stays_for_its_reader(tmp_path: Path) -> None:
    n = Net([1, 3, SIDE, SIDE], seed=4)
    joined = channels(n, n("Relu", n.conv("image", 3, 4)))
    path = n.save(tmp_path, joined, n.conv(joined, 7, 2, 1))
    made = quantized(path)
    verify(made.graph)
    assert made.graph.outputs[:2] == (f"{joined}_0", f"{joined}_1")
    assert len(made.graph.outputs) == 3
