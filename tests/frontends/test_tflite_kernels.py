"""The C kernels that only .tflite models use equal their NumPy references, under UBSan."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.ir import Quant, Tensor
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import NO_CLAMP, RELU6, Int8Array, Rounding
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.softmax import Softmax
from tests.kernels import driver

pytestmark = pytest.mark.host
INT8 = np.dtype(np.int8)
seeds = st.integers(0, 2**32 - 1)
cases = settings(derandomize=True, deadline=None, max_examples=30)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    output = tmp_path_factory.mktemp("tflite_kernels") / "kernels.so"
    flags = ("-O1", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    folder = Path(driver.RUNTIME) / "kernels" / "portable"
    units = [folder / f"{n}.c" for n in ("average_pool", "global_average_pool", "softmax_double")]
    driver.compile_c(output, units, *flags)
    return ctypes.CDLL(str(output))


def check(library: ctypes.CDLL, op: Op, x: Int8Array, quant: Quant, y_quant: Quant) -> None:
    source = Tensor("x", x.shape, INT8, quant)
    target = Tensor("y", op.infer([source.type]).shape, INT8, y_quant)
    kernel = op.lower([source], target, Rounding.DOUBLE)
    expected = kernel.run([x])[0]
    recording = driver.record(kernel, [x[0]], expected.shape, np.random.default_rng(1))
    np.testing.assert_array_equal(driver.replay(library, recording), expected)


@given(seed=seeds, padded=st.booleans(), clamp=st.sampled_from([NO_CLAMP, RELU6]))
@cases
def test_pools_that_divide(kernels: ctypes.CDLL, seed: int, padded: bool, clamp: object) -> None:
    rng = np.random.default_rng(seed)
    height, width, channels = (int(n) for n in rng.integers(3, 9, 3))
    x = rng.integers(-128, 128, (1, height, width, channels)).astype(np.int8)
    quant = Quant((0.05,), int(rng.integers(-128, 128)))
    pads = Pads(1, 1, 1, 1) if padded else Pads()
    window = Window2d((2, 3), (2, 1), pads=pads)
    check(kernels, AveragePool(window, clamp=clamp, half_away=True), x, quant, quant)
    check(kernels, GlobalAveragePool(clamp, half_away=True), x, quant, quant)


@given(seed=seeds, channels=st.integers(1, 600), scale=st.floats(0.001, 2.0))
@cases
def test_softmax_of_the_reference(
    kernels: ctypes.CDLL, seed: int, channels: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    low = int(rng.integers(-128, 127))
    x = rng.integers(low, 128, (1, 2, 2, channels)).astype(np.int8)
    check(kernels, Softmax(), x, Quant((scale,), 3), Quant((1 / 256,), -128))
