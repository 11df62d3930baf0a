"""Comparisons, choices, squared differences, indices of int8 .tflite, byte for byte LiteRT's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import UnsupportedError
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.litert import LitertSession
from tests.frontends.test_tflite_ops import Case, lowered, run
from tests.litert_builder import run_litert

WORDS = {
    "EQUAL": "EqualOptions",
    "GREATER": "GreaterOptions",
    "GREATER_EQUAL": "GreaterEqualOptions",
    "LESS": "LessOptions",
    "LESS_EQUAL": "LessEqualOptions",
    "NOT_EQUAL": "NotEqualOptions",
}
SHAPE = (1, 6, 6, 8)
cases = settings(derandomize=True, deadline=None, max_examples=40)


def compared(case: Case, word: str, x: int, number: int, *, first: bool) -> int:
    truth = case.builder.tensor(case.builder.tensors[x].shape, np.bool_)
    case.builder.op(word, WORDS[word], [number, x] if first else [x, number], [truth])
    return truth


def constant(case: Case, quant: Quant | None = None) -> int:
    value = np.array(case.rng.integers(-128, 128), np.int8)
    return case.builder.constant(value, quant or case.quant())


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(WORDS)),
    st.sampled_from(["both", "first", "second", "none", "itself"]),
    st.booleans(),
)
@cases
def test_a_choice(seed: int, word: str, live: str, younger: bool) -> None:
    """Between two tensors, a tensor and a number, numbers; LiteRT copies bytes of any scale."""
    case = Case(seed)
    x_quant = Quant(
        (float(np.float32(10.0 ** case.rng.uniform(-3, -0.3))),), case.pick(-128, 0, 17)
    )
    x = case.input(SHAPE, x_quant)
    number = constant(case, x_quant if word.endswith("EQUAL") else None)
    truth = compared(case, word, x, number, first=case.rng.random() < 0.5)
    quant = case.quant()
    choices = {
        "both": lambda: [case.input(SHAPE, quant), case.input(SHAPE, quant)],
        "first": lambda: [case.input(SHAPE, quant), constant(case, quant)],
        "second": lambda: [constant(case, quant), case.input(SHAPE, quant)],
        "none": lambda: [constant(case, quant), constant(case, quant)],
        "itself": lambda: [x, case.input(SHAPE, quant)],
    }[live]()
    if live not in ("both", "itself"):
        younger = True  # SELECT takes equal shapes
    y = case.builder.tensor(SHAPE, np.int8, quant)
    word = "SELECT_V2" if younger else "SELECT"
    case.builder.op(word, "SelectV2Options" if younger else "SelectOptions", [truth, *choices], [y])
    case.check(y)


def test_a_condition_elsewhere_and_logic_of_two() -> None:
    """0.2 < x and not x > 0.6, of a tensor that is transposed first."""
    case = Case(3)
    x = case.input((1, 6, 8, 4), Quant((0.01,), -100))
    order = case.builder.constant(np.array([0, 2, 1, 3], np.int32))
    turned = case.builder.tensor((1, 8, 6, 4), np.int8, Quant((0.01,), -100))
    case.builder.op("TRANSPOSE", "TransposeOptions", [x, order], [turned])
    bounds = [case.builder.constant(np.array(v, np.int8), Quant((0.01,), 0)) for v in (20, 60)]
    above = compared(case, "LESS", turned, bounds[0], first=True)
    beyond = compared(case, "GREATER", turned, bounds[1], first=False)
    within, both = (case.builder.tensor((1, 8, 6, 4), np.bool_) for _ in range(2))
    case.builder.op("LOGICAL_NOT", "LogicalNotOptions", [beyond], [within])
    case.builder.op("LOGICAL_AND", "LogicalAndOptions", [above, within], [both])
    quant = Quant((0.02,), 3)
    other = case.input((1, 8, 6, 4), quant)
    least = case.builder.constant(np.array(-7, np.int8), quant)
    y = case.builder.tensor((1, 8, 6, 4), np.int8, quant)
    case.builder.op("SELECT_V2", "SelectV2Options", [both, other, least], [y])
    case.check(y)


def test_refusals(tmp_path: Path) -> None:
    def refused(case: Case, *outputs: int) -> str:
        path = tmp_path / "net.tflite"
        path.write_bytes(case.builder.build(case.inputs, outputs))
        with pytest.raises(UnsupportedError) as caught:
            import_tflite(path)
        return str(caught.value)

    case = Case(0)
    quant = Quant((0.1,), 0)
    a, b = case.input(SHAPE, quant), case.input(SHAPE, quant)
    truth = compared(case, "GREATER", a, b, first=False)
    y = case.builder.tensor(SHAPE, np.int8, quant)
    case.builder.op("SELECT", "SelectOptions", [truth, a, b], [y])
    text = refused(case, y)
    assert "[GREATER]: two tensors compared" in text
    assert "[SELECT]" not in text

    case = Case(0)
    a = case.input(SHAPE, quant)
    truth = compared(case, "GREATER", a, constant(case, quant), first=False)
    assert "the network ends in bool behind tensor_0" in refused(case, truth)


@given(st.integers(0, 2**32 - 1), st.booleans())
@cases
def test_squared_differences(seed: int, constant_first: bool) -> None:
    """Of tensors of one shape, of one and a column of it, of one and a constant."""
    case = Case(seed)
    shapes = [(1, 5, 4), (1, 5, 1) if case.rng.random() < 0.5 else (1, 5, 4)]
    quants = [case.quant(-2, 0), case.quant(-2, 0)]
    a = case.input(shapes[0], quants[0])
    b = case.input(shapes[1], quants[1])
    if constant_first:
        data = case.rng.integers(-128, 128, (1, 5, 4)).astype(np.int8)
        b = case.builder.constant(data, quants[1])
        case.inputs, case.data = case.inputs[:1], case.data[:1]
    larger = max(quant.per_tensor_scale for quant in quants)
    quant = Quant((float(np.float32((100 * larger) ** 2 / 60)),), int(case.rng.integers(-128, 0)))
    y = case.builder.tensor((1, 5, 4), np.int8, quant)
    pair = [b, a] if constant_first else [a, b]
    case.builder.op("SQUARED_DIFFERENCE", "SquaredDifferenceOptions", pair, [y])
    case.check(y)


@given(st.integers(0, 2**32 - 1))
@cases
def test_the_place_of_the_largest(seed: int) -> None:
    """Along any axis, of pictures, rows and vectors; few values, so that many are equal."""
    case = Case(seed)
    shape = tuple(int(n) for n in case.rng.integers(1, 6, case.pick(1, 2, 3)))
    shape = (1, *shape)
    axis = int(case.rng.integers(1, len(shape)))
    quant = case.quant()
    image = case.input(shape, quant)
    case.data[0] //= 32
    x = case.builder.tensor(shape, np.int8, quant)
    case.builder.op("RELU", None, [image], [x])  # a network that begins with a move is turned
    kind = "ARG_MAX" if case.rng.random() < 0.5 else "ARG_MIN"
    given_axis = axis if case.rng.random() < 0.5 else axis - len(shape)
    place = case.builder.constant(np.array(given_axis, np.int32))
    made = shape[:axis] + shape[axis + 1 :]
    y = case.builder.tensor(made, np.int32)
    options = {"ARG_MAX": "ArgMaxOptions", "ARG_MIN": "ArgMinOptions"}[kind]
    case.builder.op(kind, options, [x, place], [y], outputType=schema.TensorType.INT32)
    model = case.builder.build(case.inputs, [y])
    (expected,), (computed,) = run_litert(model, case.data), run(lowered(model), case.data)
    np.testing.assert_array_equal(computed.reshape(made).astype(int) + 128, expected)


def test_indices_are_integers_again(tmp_path: Path) -> None:
    case = Case(0)
    x = case.input((1, 4, 5, 3))
    place = case.builder.constant(np.array(3, np.int32))
    y = case.builder.tensor((1, 4, 5), np.int32)
    fields = {"outputType": schema.TensorType.INT32}
    case.builder.op("ARG_MAX", "ArgMaxOptions", [x, place], [y], **fields)
    path = tmp_path / "net.tflite"
    path.write_bytes(case.builder.build(case.inputs, [y]))
    session = LitertSession(path, Rounding.DOUBLE)
    (port,) = session.imported.outputs
    (computed,) = run(lowered(path.read_bytes()), case.data)
    (expected,) = session.outputs([[case.data[0][0]]]).values()
    np.testing.assert_array_equal(computed.reshape(-1), expected.reshape(-1))
    shown = port.from_integers(computed)
    assert shown.dtype == np.int32
    np.testing.assert_array_equal(shown.reshape(4, 5), case.data[0][0].argmax(-1))
