"""Every C kernel equals its NumPy reference byte for byte, whole rows and pieces of rows."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcucc.ir.kernel import Granularity, Kernel
from mcucc.numerics.fixed_point import Int8Array, Rounding
from mcucc.ops.add import Add
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.mul import Mul
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.sub import Sub
from tests.kernels import driver
from tests.ops import draw, draw_camera, draw_choices, draw_detect, draw_norms
from tests.ops.draw import SEEDS, Case

pytestmark = pytest.mark.host
ROUNDINGS = st.sampled_from(list(Rounding))

CASES: dict[str, st.SearchStrategy[Case]] = {
    "conv2d": draw.conv_cases(),
    "depthwise_conv2d": draw.depthwise_cases(),
    "fully_connected": draw.fully_connected_cases(),
    "fully_connected_by_pixel": draw.fully_connected_cases(by_pixel=True),
    "add": draw.binary_cases(Add),
    "mul": draw.binary_cases(Mul),
    "sub": draw.binary_cases(Sub),
    "max_pool": draw.max_pool_cases(),
    "average_pool": draw.average_pool_cases(),
    "global_average_pool": draw.global_average_pool_cases(),
    "lookup": draw.lookup_cases(),
    "detect_head": draw_detect.detect_head_cases() | draw_detect.peak_cases(),
    "suppress": draw_detect.suppress_cases(),
    "peaks": draw_detect.peaks_cases(),
    "points": draw_detect.points_cases(),
    "arg_max": draw_choices.arg_max_cases(),
    "softmax": draw.softmax_cases(),
    "log_softmax": draw_choices.log_softmax_cases(),
    "bayer_bin": draw_camera.bayer_bin_cases(),
    "camera_picture": draw_camera.camera_picture_cases(),
    "concat": draw.concat_cases(),
    "div": draw.div_cases(),
    "extremum": draw.extremum_cases(),
    "pad": draw.pad_cases(),
    "attention": draw.attention_cases(),
    "mat_mul": draw.mat_mul_cases(),
    "prelu": draw.prelu_cases(),
    "channel_affine": draw.channel_affine_cases(),
    "channel_operand": draw.channel_operand_cases(),
    "squared_difference": draw.squared_difference_cases(),
    "slice": draw.slice_cases(),
    "gather_channels": draw.gather_channels_cases(),
    "group_norm": draw_norms.group_norm_cases(),
    "l2_norm": draw_norms.l2_norm_cases(),
    "layer_norm": draw.layer_norm_cases(),
    "constant": draw.constant_cases(),
    "resize_nearest": draw.resize_cases(),
    "sample_nearest": draw_choices.sample_cases(),
    "resize_bilinear": draw.resize_bilinear_cases(),
    "conv_transpose2d": draw.conv_transpose_cases(),
    "depth_to_space": draw.block_cases(DepthToSpace),
    "space_to_depth": draw.block_cases(SpaceToDepth),
    "permute": draw.permute_cases(),
    "transpose": draw.transpose_cases(),
}
EXAMPLES = {
    "detect_head": 150,
    "suppress": 100,
    "conv2d": 120,
    "conv_transpose2d": 100,
    "resize_bilinear": 100,
    "depthwise_conv2d": 120,
    "average_pool": 60,
}


def everyday(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Fixed seeds; the library fixture is shared by all examples on purpose."""
    return settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
    )


def images(case: Case) -> list[Int8Array]:
    return [image[0] for image in case.images]


def expected_output(kernel: Kernel, case: Case) -> Int8Array:
    return kernel.run(case.images)[0]


def check(
    library: ctypes.CDLL, case: Case, rounding: Rounding, rng: np.random.Generator | None
) -> None:
    kernel = case.kernel(rounding)
    expected = expected_output(kernel, case)
    recording = driver.record(kernel, images(case), expected.shape, rng)
    np.testing.assert_array_equal(driver.replay(library, recording), expected)


@pytest.mark.parametrize("unit", CASES)
def test_c_equals_numpy(unit: str, library: ctypes.CDLL) -> None:
    """Over drawn shapes and both profiles; a seed of its own cuts the rows into pieces."""

    @everyday(EXAMPLES.get(unit, 40))
    @given(case=CASES[unit], rounding=ROUNDINGS, pieces=st.none() | SEEDS)
    def run(case: Case, rounding: Rounding, pieces: int | None) -> None:
        rng = None if pieces is None else np.random.default_rng(pieces)
        check(library, case, rounding, rng)

    run()


@pytest.mark.parametrize(
    "unit", ["add", "mul", "lookup", "softmax", "log_softmax", "channel_affine", "extremum", "div"]
)
def test_in_place_where_the_kernel_says_so(unit: str, library: ctypes.CDLL) -> None:
    """The output may overwrite each input that `in_place` names."""

    @everyday(20)
    @given(case=CASES[unit], rounding=ROUNDINGS)
    def run(case: Case, rounding: Rounding) -> None:
        kernel = case.kernel(rounding)
        expected = expected_output(kernel, case)
        for index in range(len(case.values)):
            if kernel.in_place(index) and case.values[index].size == expected.size:
                recording = driver.record(kernel, images(case), expected.shape, alias=index)
                np.testing.assert_array_equal(driver.replay(library, recording), expected)

    run()


def test_every_byte_read_and_written_lies_in_a_buffer(replayer: Path, tmp_path: Path) -> None:
    """All kernels under AddressSanitizer: tiles, tables and outputs of exactly their size."""
    recordings: list[driver.Recording] = []
    expected: list[Int8Array] = []
    for strategy in CASES.values():
        _collect(strategy, recordings, expected)
    outputs = driver.replay_in_process(replayer, recordings, tmp_path)
    # Blocks are no ops: plans make them, whose tests run them.
    others = {Granularity.ALIAS, Granularity.BLOCK}
    assert {r.granularity for r in recordings} == set(Granularity) - others
    for output, reference in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output, reference)


def _collect(
    strategy: st.SearchStrategy[Case], recordings: list[Any], expected: list[Int8Array]
) -> None:
    @settings(
        derandomize=True,
        deadline=None,
        max_examples=25,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, rounding=ROUNDINGS, seed=SEEDS)
    def add(case: Case, rounding: Rounding, seed: int) -> None:
        kernel = case.kernel(rounding)
        output = expected_output(kernel, case)
        rng = np.random.default_rng(seed)
        recordings.append(driver.record(kernel, images(case), output.shape, rng))
        expected.append(output)

    add()


def test_address_sanitizer_sees_one_byte_too_few(replayer: Path, tmp_path: Path) -> None:
    """The replay itself: a row one byte short of what the kernel reads is an error."""
    case = _small_add()
    kernel = case.kernel()
    recording = driver.record(kernel, images(case), case.output.shape[1:])
    step = recording.steps[0]
    first, second = step.rows
    assert second is not None
    short = driver.Step(step.span, (first, second[:-1]), step.out_bytes)
    broken = driver.Recording(
        recording.call, recording.granularity, (short,), recording.shape, 0, None
    )
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        driver.replay_in_process(replayer, [broken], tmp_path)


def test_guards_see_one_byte_too_many(library: ctypes.CDLL) -> None:
    """The replay itself: a call that writes more than its output is an error."""
    case = _small_add()
    recording = driver.record(case.kernel(), images(case), case.output.shape[1:])
    step = recording.steps[0]
    wide = driver.Step(step.span, step.rows, step.out_bytes - 1)
    broken = driver.Recording(
        recording.call, recording.granularity, (wide,), recording.shape, 0, None
    )
    with pytest.raises(AssertionError, match="outside its output"):
        driver.replay(library, broken)


def _small_add() -> Case:
    rng = np.random.default_rng(0)
    a = draw.activation("a", (1, 1, 3, 5), 0.5, 1)
    y = draw.activation("y", (1, 1, 3, 5), 1.0, 0)
    return Case(Add(), (a, a), y, (draw.int8_values(rng, a.shape), draw.int8_values(rng, a.shape)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 129, 255, 256, 257])
@pytest.mark.parametrize("unit", ["conv2d", "depthwise_conv2d"])
def test_channel_counts(unit: str, channels: int, library: ctypes.CDLL) -> None:
    """Block sizes leave every remainder of channels."""
    window = draw.Window2d((3, 3), (1, 1), (1, 1), draw.Pads(1, 1, 1, 1))
    shape = (1, 3, 6, channels)
    if unit == "conv2d":
        case = draw.weighted(
            draw.Conv2d(window), shape, (5, 3, 3, channels), (3, -5), draw.FREE, channels
        )
    else:
        case = draw.weighted(
            draw.DepthwiseConv2d(window), shape, (3, 3, channels), (3, -5), draw.FREE, channels
        )
    for rounding in Rounding:
        check(library, case, rounding, None)


@pytest.mark.parametrize("zero_point", [-128, -127, -1, 0, 1, 126, 127])
@pytest.mark.parametrize("unit", ["conv2d", "depthwise_conv2d"])
def test_saturating_values_at_every_kind_of_zero_point(
    unit: str, zero_point: int, library: ctypes.CDLL
) -> None:
    """All inputs and weights at their extremes, so that sums reach their bounds."""
    window = draw.Window2d((5, 3), (2, 1), (1, 2), draw.Pads(2, 1, 0, 3))
    op, weights = (
        (draw.Conv2d(window), (3, 5, 3, 40))
        if unit == "conv2d"
        else (draw.DepthwiseConv2d(window), (5, 3, 40))
    )
    case = draw.weighted(op, (1, 6, 7, 40), weights, (zero_point, -zero_point - 1), draw.FREE, 0)
    largest = np.full(weights, 127, dtype=np.int8)
    loud = draw.Tensor.const("w", largest, case.inputs[1].quant)
    for value in (-128, 127):
        full = np.full((1, 6, 7, 40), value, dtype=np.int8)
        extreme = Case(op, (case.inputs[0], loud, case.inputs[2]), case.output, (full,))
        for rounding in Rounding:
            check(library, extreme, rounding, None)
