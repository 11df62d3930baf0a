"""Resize in every mode, factor and coordinate transformation, against ONNX Runtime."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

WHERE = (
    "half_pixel",
    "asymmetric",
    "align_corners",
    "pytorch_half_pixel",
    "half_pixel_symmetric",
)
NEAREST = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def resized(folder: Path, sizes: tuple[int, int], **attributes: object) -> list[str]:
    net = Net([1, 3, 6, 8], 19)
    x = net.conv("image", 3, 4)
    net("Resize", x, "", "", net.ints(1, 4, *sizes), out="y", **attributes)
    return kinds(assert_equal_to_runtime(net.save(folder, "y")))


@pytest.mark.parametrize("sizes", [(9, 12), (3, 4), (12, 8), (10, 12), (18, 16)], ids=str)
@pytest.mark.parametrize("where", [*WHERE, "tf_half_pixel_for_nn"])
def test_nearest_to_any_size(where: str, sizes: tuple[int, int], tmp_path: Path) -> None:
    """Whole factors repeat pixels; others are sampled, without a multiplication."""
    for mode in NEAREST:
        attributes = {"coordinate_transformation_mode": where, "nearest_mode": mode}
        found = resized(tmp_path, sizes, mode="nearest", **attributes)
        assert set(found) <= {"Conv2d", "ResizeNearest", "SampleNearest", "Slice", "Concat"}


@pytest.mark.parametrize("factors", [(1.5, 1.5), (0.5, 0.5), (2.0, 1.0), (1 / 3, 2.0)], ids=str)
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_by_factors(mode: str, factors: tuple[float, float], tmp_path: Path) -> None:
    net = Net([1, 3, 6, 8], 19)
    scales = net.const([1.0, 1.0, *factors])
    net("Resize", net.conv("image", 3, 4), "", scales, out="y", mode=mode)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    ("where", "sizes"),
    list(product(("half_pixel", "asymmetric"), [(12, 16), (18, 24), (9, 12), (3, 4), (15, 20)])),
    ids=str,
)
def test_cubic(where: str, sizes: tuple[int, int], tmp_path: Path) -> None:
    """One filter for each phase of the outputs, on the picture with its border repeated."""
    for alpha in (-0.75, -0.5):
        found = resized(
            tmp_path, sizes, mode="cubic", coordinate_transformation_mode=where, cubic_coeff_a=alpha
        )
        assert found.count("DepthwiseConv2d") == 1


@pytest.mark.parametrize(
    ("attributes", "sizes", "words"),
    [
        ({"mode": "cubic"}, (13, 17), "cubic from 6 to 13 pixels|cubic by"),
        ({"mode": "cubic", "exclude_outside": 1}, (12, 16), "exclude_outside"),
        ({"mode": "linear", "antialias": 1}, (3, 4), "antialias"),
        ({"coordinate_transformation_mode": "tf_crop_and_resize"}, (12, 16), "coordinates"),
        ({"mode": "spline"}, (12, 16), "mode 'spline'"),
    ],
)
def test_what_is_refused(
    attributes: dict[str, object], sizes: tuple[int, int], words: str, tmp_path: Path
) -> None:
    net = Net([1, 3, 6, 8], 19)
    net("Resize", "image", "", "", net.ints(1, 3, *sizes), out="y", **attributes)
    with pytest.raises(UnsupportedError, match=words):
        import_onnx(net.save(tmp_path, "y"))
