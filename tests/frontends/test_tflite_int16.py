"""Files of LiteRT's 16x8 mode: every tensor equals LiteRT's reference kernels, NumPy equals C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc import api
from mcucc.boards.board import load_board
from mcucc.driver.load import NetworkOptions
from mcucc.errors import UnsupportedError
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT16, Rounding
from mcucc.oracles.litert import LitertSession
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.backends.firmware_fixtures import require_tools
from tests.frontends.int16_nets import Int16Net, float32, small_network
from tests.litert_builder import LiteRTBuilder, run_litert


def written(data: bytes, folder: Path) -> Path:
    path = folder / "net.tflite"
    path.write_bytes(data)
    return path


def pictures(shape: tuple[int, ...], count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(-32768, 32768, shape).astype(np.int16) for _ in range(count)]


def test_every_tensor_of_a_network_is_the_reference_kernels(tmp_path: Path) -> None:
    path = written(small_network(), tmp_path)
    session = LitertSession(path, Rounding.DOUBLE)
    graph = lower(session.imported.graph, Rounding.DOUBLE)
    (end,) = session.imported.outputs
    assert (end.dtype, end.element) == (INT16, INT16)
    for picture in pictures((16, 16, 3), 4):
        theirs = session.tensors([picture])
        ours = graph.run({graph.inputs[0]: picture[None]})
        assert len(theirs) >= 11
        for name, values in theirs.items():
            np.testing.assert_array_equal(ours[name].reshape(values.shape), values, err_msg=name)
        assert len(np.unique(theirs[end.tensor])) > 3


def test_single_rounding_is_the_default_path(tmp_path: Path) -> None:
    """With 64-bit biases both paths of LiteRT are one."""
    data = small_network()
    graph = lower(import_tflite(written(data, tmp_path)).graph, Rounding.SINGLE)
    for picture in pictures((1, 16, 16, 3), 4):
        (theirs,) = run_litert(data, [picture], reference=False)
        ours = graph.run({graph.inputs[0]: picture})[graph.outputs[0]]
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize(
    "emulator",
    [
        pytest.param("host", marks=pytest.mark.host),
        pytest.param("qemu", marks=pytest.mark.emulated),
    ],
)
def test_c_is_numpy(rounding: Rounding, emulator: str, tmp_path: Path) -> None:
    """Compiled for a Cortex-M4, whose kernels of int16 it calls; int16 in, int16 out."""
    if emulator == "qemu":
        require_tools(load_board("nucleo-l4r5zi"))
    path, sample = written(small_network(), tmp_path), tmp_path / "x.npy"
    (picture,) = pictures((1, 16, 16, 3), 1)
    np.save(sample, picture)
    options = NetworkOptions(rounding=rounding)
    out = tmp_path / "out"
    api.compile(path, board="nucleo-l4r5zi", out=out, network=options, emulator="none")
    found = api.run(api.open_folder(out), sample, emulator=emulator).outputs
    graph = lower(import_tflite(path).graph, rounding)
    (name,) = graph.outputs
    expected = graph.run({graph.inputs[0]: picture})[name]
    assert found[name].dtype == np.int16
    np.testing.assert_array_equal(found[name], expected)
    code = "".join(unit.read_text() for unit in out.rglob("*.c"))
    assert "mcucc_pointwise_armv7em_s16_s16_high" in code


@pytest.mark.host
@pytest.mark.parametrize("image", [ImagePolicy.RESIDENT, ImagePolicy.ROWS])
def test_camera_bytes_become_int16_in_place(image: ImagePolicy, tmp_path: Path) -> None:
    path, toml = written(small_network(), tmp_path), tmp_path / "camera.toml"
    toml.write_text(
        '[preprocess]\nchannels = "rgb"\nresize = [16, 16]\nscale = 1.0\n'
        "mean = [120.0, 110.0, 130.0]\nstd = [130.0, 140.0, 150.0]\n"
    )
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    np.save(tmp_path / "picture.npy", pixels)
    out, schedule = tmp_path / "out", ScheduleOptions(image=image)
    options = NetworkOptions(preprocess=toml)
    api.compile(
        path, board="nucleo-l4r5zi", out=out, network=options, schedule=schedule, emulator="none"
    )
    found = api.run(api.open_folder(out), tmp_path / "picture.npy", emulator="host").outputs
    real = (pixels - np.array([120.0, 110, 130])) / np.array([130.0, 140, 150])
    q = np.clip(np.floor(real * 32768 + 0.5), -32768, 32767).astype(np.int16)
    graph = lower(import_tflite(path).graph, Rounding.SINGLE)
    expected = graph.run({graph.inputs[0]: q[None]})[graph.outputs[0]]
    np.testing.assert_array_equal(found[graph.outputs[0]], expected)


def refused(net: Int16Net, output: int, folder: Path) -> str:
    with pytest.raises(UnsupportedError) as caught:
        import_tflite(written(net.builder.build([net.input], [output]), folder))
    (problem,) = caught.value.problems
    return problem.why


def test_operators_without_a_kernel_of_int16_are_one_error(tmp_path: Path) -> None:
    net = Int16Net((1, 4, 4, 3))
    y = net.tensor((1, 4, 4, 3), 1e-4)
    net.builder.op("LEAKY_RELU", "LeakyReluOptions", [net.input], [y], 2, alpha=0.1)
    assert refused(net, y, tmp_path) == "LeakyRelu is not compiled for int16"


def test_zero_points_of_int16_are_refused(tmp_path: Path) -> None:
    net = Int16Net((1, 4, 4, 3))
    y = net.builder.tensor((1, 4, 4, 3), np.int16, Quant((1e-4,), 5))
    net.builder.op("QUANTIZE", None, [net.input], [y], 2)
    assert "has the zero point 5" in refused(net, y, tmp_path)


def test_biases_that_litert_would_misread_are_refused(tmp_path: Path) -> None:
    """32 bits without saying so."""
    net = Int16Net((1, 4, 4, 3))
    w = net.builder.constant(np.ones((2, 1, 1, 3), np.int8), Quant((0.1,)))
    b = net.builder.constant(np.ones(2, np.int32), Quant((1e-4,)))
    y = net.tensor((1, 4, 4, 2), 1e-4)
    fields = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    net.builder.op("CONV_2D", "Conv2DOptions", [net.input, w, b], [y], 4, **fields)
    assert refused(net, y, tmp_path) == "the bias is INT32, not INT64"


def whole(net: Int16Net, output: int, folder: Path, *, shape: tuple[int, ...]) -> None:
    """NumPy equals LiteRT's reference kernels."""
    data = net.builder.build([net.input], [output])
    graph = lower(import_tflite(written(data, folder)).graph, Rounding.DOUBLE)
    for picture in pictures(shape, 3):
        (theirs,) = run_litert(data, [picture])
        ours = graph.run({graph.inputs[0]: picture.reshape(1, *hwc(shape))})[graph.outputs[0]]
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


@pytest.mark.parametrize("code", ["RELU", "RELU6", "LOGISTIC"])
def test_functions_alone(code: str, tmp_path: Path) -> None:
    net = Int16Net((1, 4, 4, 3))
    x = net.layer("CONV_2D", net.input, 5)
    if code == "LOGISTIC":
        y = net.function(x, code)
    else:
        y = net.tensor((1, 4, 4, 5), float32(0.8 * net.scales[x]))
        net.builder.op(code, None, [x], [y], 2)
    whole(net, y, tmp_path, shape=(1, 4, 4, 3))


@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL"])
def test_arithmetic_alone(code: str, tmp_path: Path) -> None:
    """Of two tensors with scales of their own; additions shift where they are powers of two."""
    net = Int16Net((1, 4, 4, 3))
    a, b = net.layer("CONV_2D", net.input, 5), net.layer("DEPTHWISE_CONV_2D", net.input, 3)
    b = net.layer("CONV_2D", b, 5)
    scale = net.scales[a] * net.scales[b] * 9e3 if code == "MUL" else 1.7 * net.scales[b]
    y = net.tensor((1, 4, 4, 5), float32(scale))
    net.builder.op(code, f"{code.title()}Options", [a, b], [y], 2)
    whole(net, y, tmp_path, shape=(1, 4, 4, 3))


@pytest.mark.parametrize("code", ["ADD", "SUB"])
def test_additions_of_powers_of_two(code: str, tmp_path: Path) -> None:
    net = Int16Net((1, 4, 4, 3))
    finer = net.tensor((1, 4, 4, 3), 2.0**-17)
    net.builder.op("QUANTIZE", None, [net.input], [finer], 2)
    y = net.tensor((1, 4, 4, 3), 2.0**-15)
    net.builder.op(code, f"{code.title()}Options", [net.input, finer], [y], 2)
    whole(net, y, tmp_path, shape=(1, 4, 4, 3))


def test_sums_beyond_int32_are_64_bit_ones(tmp_path: Path) -> None:
    net = Int16Net((1, 6, 6, 64))
    weights = np.full((4, 5, 5, 64), 127, np.int8)
    scales = (0.01, 0.02, 0.005, 0.001)
    w = net.builder.constant(weights, Quant(tuple(map(float32, scales)), 0, 0))
    bias = np.array([1 << 38, -(1 << 36), 5, -7], np.int64)
    b = net.builder.constant(bias, Quant(tuple(s / 32768 for s in scales), 0, 0))
    y = net.tensor((1, 6, 6, 4), float32(0.02))
    fields = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    net.builder.op("CONV_2D", "Conv2DOptions", [net.input, w, b], [y], 4, **fields)
    data = net.builder.build([net.input], [y])
    graph = lower(import_tflite(written(data, tmp_path)).graph, Rounding.DOUBLE)
    assert "64-bit sums" in graph.nodes[0].describe()
    whole(net, y, tmp_path, shape=(1, 6, 6, 64))


def test_a_float_end_is_quantized_to_int16(tmp_path: Path) -> None:
    builder = LiteRTBuilder()
    x = builder.tensor((1, 4, 4, 3), np.float32)
    q = builder.tensor((1, 4, 4, 3), np.int16, Quant((float32(1 / 32768),)))
    p = builder.tensor((1, 2, 2, 3), np.int16, Quant((float32(1 / 32768),)))
    y = builder.tensor((1, 2, 2, 3), np.float32)
    builder.op("QUANTIZE", None, [x], [q], 2)
    fields = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": 1}
    builder.op("MAX_POOL_2D", "Pool2DOptions", [q], [p], 3, **fields)
    builder.op("DEQUANTIZE", None, [p], [y], 3)
    data = builder.build([x], [y])
    imported = import_tflite(written(data, tmp_path))
    (start,), (end,) = imported.inputs, imported.outputs
    assert (start.dtype, start.element) == (np.float32, INT16)
    picture = np.random.default_rng(2).normal(0, 0.6, (1, 4, 4, 3)).astype(np.float32)
    graph = lower(imported.graph, Rounding.DOUBLE)
    ours = graph.run({start.tensor: start.integers(picture)[None]})[end.tensor]
    (theirs,) = run_litert(data, [picture])
    np.testing.assert_array_equal(end.from_integers(ours).reshape(theirs.shape), theirs)
