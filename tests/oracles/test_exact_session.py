"""The oracle for quantized ONNX: integer products by ONNX Runtime are whole, on every machine."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mcucc.oracles.exact_session import exact_products, exact_session

TAPS = 64


def dense(op: str, x_type: type[np.integer]) -> tuple[onnx.ModelProto, np.ndarray]:
    """One product of 64 large values, and its integer weights."""
    weights = np.full((TAPS, 3), 127, np.int8)
    weights[:, 1], weights[::2, 2] = -128, -128
    per_column = np.zeros(3, np.int8)
    constants = {
        "xs": np.float32(1.0),
        "xz": np.zeros((), x_type),
        "w": weights,
        "ws": np.ones(3, np.float32),
        "wz": per_column,
        "ys": np.float32(2.0**15),
        "yz": np.zeros((), x_type),
    }
    names = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"]
    if op == "QGemm":
        names.insert(6, "")
    domain = "com.microsoft" if op == "QGemm" else ""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(x_type))
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], domain=domain)],
        "dense",
        [helper.make_tensor_value_info("x", kind, (1, TAPS))],
        [helper.make_tensor_value_info("y", kind, (1, 3))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), weights


@pytest.mark.parametrize("x_type", [np.uint8, np.int8])
@pytest.mark.parametrize("op", ["QLinearMatMul", "QGemm"])
def test_sums_are_those_of_integers(op: str, x_type: type[np.integer]) -> None:
    model, weights = dense(op, x_type)
    limits = np.iinfo(x_type)
    x = np.full((1, TAPS), limits.max, x_type)
    sums = (x.astype(np.int64) @ weights.astype(np.int64)) / 2.0**15
    (found,) = exact_session(model).run(None, {"x": x})
    np.testing.assert_array_equal(found, np.clip(np.rint(sums), limits.min, limits.max))


def test_only_int8_weights_beside_uint8_activations_change() -> None:
    signed, _ = dense("QLinearMatMul", np.int8)
    assert exact_products(signed) == signed
    unsigned, _ = dense("QLinearMatMul", np.uint8)
    changed = exact_products(unsigned)
    assert len(changed.graph.initializer) == len(unsigned.graph.initializer) + 2
    assert unsigned == dense("QLinearMatMul", np.uint8)[0]


def test_values_on_the_way_are_outputs_too() -> None:
    model, _ = dense("QGemm", np.uint8)
    session = exact_session(model, ["x", "y"])
    assert [value.name for value in session.get_outputs()] == ["y", "x"]
