"""Float operators within int8 .tflite files: tables, byte for byte those of LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import UnsupportedError
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.sampled import Sampled
from mcucc.oracles.litert import LitertSession
from tests.frontends.test_tflite_ops import lowered, run
from tests.litert_builder import LiteRTBuilder, run_litert

BYTES = np.arange(-128, 128, dtype=np.int8).reshape(1, 8, 8, 4)
cases = settings(derandomize=True, deadline=None, max_examples=60)


class Island:
    """An int8 input of all bytes, dequantized, and what is computed of it."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = LiteRTBuilder()
        self.x = self.builder.tensor(BYTES.shape, np.int8, self.quant(-2.5, -1.7), name="bytes")
        self.real = self.float(self.x, "DEQUANTIZE", "DequantizeOptions")

    def quant(self, low: float = -2.0, high: float = -0.5) -> Quant:
        scale = float(np.float32(10.0 ** self.rng.uniform(low, high)))
        return Quant((scale,), int(self.rng.integers(-128, 128)))

    def float(self, x: int | list[int], kind: str, options: str | None = None, **fields) -> int:
        """A float operator; its output has the shape of the first input."""
        inputs = x if isinstance(x, list) else [x]
        shape = fields.pop("shape", self.builder.tensors[inputs[0]].shape)
        dtype = fields.pop("dtype", np.float32)
        y = self.builder.tensor(shape, dtype)
        self.builder.op(kind, options, inputs, [y], **fields)
        return y

    def number(self, value: float) -> int:
        return self.builder.constant(np.array(value, np.float32))

    def end(self, real: int) -> int:
        shape = self.builder.tensors[real].shape
        y = self.builder.tensor(shape, np.int8, self.quant())
        self.builder.op("QUANTIZE", "QuantizeOptions", [real], [y])
        return y

    def agrees(self, y: int, *, reference: bool = True) -> None:
        model = self.builder.build([self.x], [y])
        (expected,) = run_litert(model, [BYTES], reference=reference)
        graph = lowered(model)
        (computed,) = run(graph, [BYTES])
        np.testing.assert_array_equal(computed.reshape(expected.shape), expected)

    def refused(self, path: Path, *outputs: int) -> str:
        path.write_bytes(self.builder.build([self.x], outputs))
        with pytest.raises(UnsupportedError) as caught:
            import_tflite(path)
        return str(caught.value)


Step = Callable[[Island, int], int]
PLAIN = {
    "ABS": "AbsOptions", "COS": "CosOptions", "FLOOR": None,
    "LOGISTIC": None, "NEG": "NegOptions", "RELU": None, "RELU6": None, "SIN": None,
    "SQUARE": "SquareOptions", "TANH": None,
}  # fmt: skip
WITH_NUMBER = {
    "ADD": "AddOptions", "DIV": "DivOptions", "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions", "MUL": "MulOptions", "SUB": "SubOptions",
    "SQUARED_DIFFERENCE": "SquaredDifferenceOptions",
}  # fmt: skip
BY_ITSELF = {
    "exp": lambda i, x: i.float(
        i.float([x, i.number(3)], "MINIMUM", "MaximumMinimumOptions"), "EXP", "ExpOptions"
    ),
    # x / (1 + |x|), and the like
    "softsign": lambda i, x: i.float(
        [x, i.float([i.float(x, "ABS", "AbsOptions"), i.number(1)], "ADD", "AddOptions")],
        "DIV",
        "DivOptions",
    ),
    "square": lambda i, x: i.float([x, x], "MUL", "MulOptions"),
    "root": lambda i, x: i.float(i.float(x, "SQUARE", "SquareOptions"), "SQRT"),
    "leaky": lambda i, x: i.float(x, "LEAKY_RELU", "LeakyReluOptions", alpha=0.3),
    "power": lambda i, x: i.float(
        [i.float(x, "ABS", "AbsOptions"), i.number(0.7)], "POW", "PowOptions"
    ),
    "chosen": lambda i, x: i.float(
        [
            i.float([x, i.number(0.1)], "GREATER", "GreaterOptions", dtype=np.bool_),
            x,
            i.float(x, "NEG", "NegOptions"),
        ],
        "SELECT_V2",
        "SelectV2Options",
        shape=BYTES.shape,
    ),
}


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([*PLAIN, *WITH_NUMBER, *BY_ITSELF]), min_size=1, max_size=3),
)
@cases
def test_functions_of_bytes(seed: int, kinds: list[str]) -> None:
    island = Island(seed)
    x = island.real
    for kind in kinds:
        if kind in BY_ITSELF:
            x = BY_ITSELF[kind](island, x)
        elif kind in PLAIN:
            x = island.float(x, kind, PLAIN[kind])
        else:
            number = island.number(island.rng.uniform(0.1, 2) * island.rng.choice([-1, 1]))
            pair = [x, number]
            if kind != "DIV" and island.rng.random() < 0.5:
                x = island.float(pair[::-1], kind, WITH_NUMBER[kind], shape=BYTES.shape)
            else:
                x = island.float(pair, kind, WITH_NUMBER[kind])
    island.agrees(island.end(x))


@pytest.mark.parametrize("kind", ["CEIL", "ELU", "ROUND"])
def test_operators_without_a_reference_kernel(kind: str) -> None:
    """LiteRT has one kernel of them, on its default path."""
    for seed in range(5):
        island = Island(seed)
        island.agrees(island.end(island.float(island.real, kind)), reference=False)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_fused_activations(activation: str) -> None:
    for kind in ("ADD", "SUB", "MUL", "DIV"):
        island = Island(3)
        code = {"relu": 1, "relu6": 3}[activation]
        pair = [island.real, island.number(-0.4)]
        made = island.float(pair, kind, WITH_NUMBER[kind], fusedActivationFunction=code)
        island.agrees(island.end(made))


def test_what_moves_values_moves_bytes() -> None:
    """One tensor read as it is and transposed, then reshaped: two tables, joined behind."""
    island = Island(5)
    order = island.builder.constant(np.array([0, 3, 1, 2], np.int32))
    shape = island.builder.constant(np.array([1, 16, 16], np.int32))
    turned = island.float([island.real, order], "TRANSPOSE", shape=(1, 4, 8, 8))
    flat = island.float([turned, shape], "RESHAPE", "ReshapeOptions", shape=(1, 16, 16))
    island.agrees(island.end(island.float(flat, "NEG", "NegOptions")))


def test_a_network_ends_in_two_tables_and_the_bytes_themselves(tmp_path: Path) -> None:
    island = Island(6)
    ends = [island.end(island.float(island.real, kind, PLAIN[kind])) for kind in ("NEG", "ABS")]
    model = island.builder.build([island.x], [*ends, island.real])
    graph = lowered(model)
    for computed, expected in zip(run(graph, [BYTES]), run_litert(model, [BYTES]), strict=False):
        if expected.dtype == np.int8:
            np.testing.assert_array_equal(computed.reshape(expected.shape), expected)
    assert len(graph.outputs) == 3


def test_refusals_name_where_to_end(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    island = Island()
    second = island.builder.tensor(BYTES.shape, np.int8, island.quant(), name="second")
    island.builder.op("ABS", "AbsOptions", [island.x], [second])
    other = island.float(second, "DEQUANTIZE", "DequantizeOptions")
    both = island.float([island.real, other], "ADD", "AddOptions")
    text = island.refused(path, island.end(both))
    assert "in float, of several int8 tensors: bytes, second" in text
    assert "--outputs bytes,second" in text
    assert text.count("\n") == 2  # one problem: what follows from it is not said again

    island = Island()
    axes = island.builder.constant(np.array([3], np.int32))
    mean = island.float(
        [island.real, axes], "MEAN", "ReducerOptions", keepDims=True, shape=(1, 8, 8, 1)
    )
    assert "[MEAN]: computes in float of bytes" in island.refused(path, island.end(mean))

    island = Island()
    made = island.float([island.number(1), island.real], "DIV", "DivOptions", shape=BYTES.shape)
    assert "infinite or far beyond int8" in island.refused(path, island.end(made))

    island = Island()
    made = island.float(island.real, "NEG", "NegOptions")
    assert "the network ends in float32 behind bytes" in island.refused(path, made)

    island = Island()
    by_channel = island.builder.constant(np.arange(4, dtype=np.float32))
    made = island.float([island.real, by_channel], "MUL", "MulOptions")
    assert "a constant of [4]" in island.refused(path, island.end(made))


def test_a_table_is_a_function_between_its_places() -> None:
    """Lines between the bytes, the ends beyond; a graph of other scales has its own table."""
    op = Sampled(tuple(float(q * q) for q in range(-128, 128)), 0.5, 0)
    x = np.array([0.0, 0.25, 1.0, 1e6, -1e6])
    np.testing.assert_allclose(op.function(x), [0.0, 0.5, 4.0, 127.0**2, 128.0**2])
    with pytest.raises(ValueError, match="255 values"):
        Sampled(op.values[1:], 0.5, 0)


def test_the_oracle_of_an_operator_without_a_reference_kernel(tmp_path: Path) -> None:
    """LiteRT's word is that of the kernels it has, and no promise of every byte."""
    island = Island(8)
    path = tmp_path / "net.tflite"
    path.write_bytes(
        island.builder.build([island.x], [island.end(island.float(island.real, "ELU"))])
    )
    session = LitertSession(path, Rounding.DOUBLE)
    assert not session.exact
    assert session.second() is None
    (computed,) = run(lowered(path.read_bytes()), [BYTES])
    (expected,) = session.outputs([[BYTES[0]]]).values()
    np.testing.assert_array_equal(computed.reshape(-1), expected.reshape(-1))

    other = Island(8)
    path.write_bytes(other.builder.build([other.x], [other.end(other.real)]))
    assert LitertSession(path, Rounding.DOUBLE).exact
