"""Axes counted from behind, for every operator that has axes, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

SHAPE = (1, 6, 4, 8)
Draw = Callable[[Net, str, int], str]  # adds the operator along an axis that may be negative


def unsqueezed(net: Net, x: str, axis: int) -> str:
    """An axis in and out again; a rank of 5 counts from behind by one more."""
    place = axis if axis >= 0 else axis - 1
    return net.axes_op("Squeeze", net.axes_op("Unsqueeze", x, place), place)


def reduced(op: str) -> Draw:
    def draw(net: Net, x: str, axis: int) -> str:
        if net.opset >= 18:
            return net(op, x, net.ints(axis), keepdims=1)
        return net(op, x, axes=[axis], keepdims=1)

    return draw


def split(net: Net, x: str, axis: int) -> str:
    parts = [1, SHAPE[axis] - 1]
    if net.opset >= 13:
        net("Split", x, net.ints(*parts), out=f"first_{x}", axis=axis)
    else:
        net("Split", x, out=f"first_{x}", axis=axis, split=parts)
    net.nodes[-1].output.append(f"rest_{x}")
    return net("Concat", f"rest_{x}", f"first_{x}", axis=axis)


def gather(net: Net, x: str, axis: int) -> str:
    return net("Gather", x, net.ints(1, 3), axis=axis)


def sliced(net: Net, x: str, axis: int) -> str:
    return net("Slice", x, net.ints(-3), net.ints(9), net.ints(axis), net.ints(1))


def padded(net: Net, x: str, axis: int) -> str:
    return net("Pad", x, net.ints(1, 2), net.const(-0.5), net.ints(axis))


def resized(mode: str, **how: str) -> Draw:
    def draw(net: Net, x: str, axis: int) -> str:
        axes = [axis, -1 if axis % 4 == 2 else -2]
        sizes = net.ints(*(2 * SHAPE[a] for a in axes))
        return net("Resize", x, "", "", sizes, mode=mode, axes=axes, **how)

    return draw


NEAREST = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
# Operator, its axes, the opsets in which it takes them.
OPERATORS: list[tuple[str, Draw, tuple[int, ...], tuple[int, ...]]] = [
    ("Softmax", lambda net, x, axis: net("Softmax", x, axis=axis), (1, 3), (11, 13)),
    ("Concat", lambda net, x, axis: net("Concat", x, x, axis=axis), (1, 2, 3), (11,)),
    ("Flatten", lambda net, x, axis: net("Flatten", x, axis=axis), (1, 2, 3), (11,)),
    ("Unsqueeze", unsqueezed, (1, 2, 3), (11, 13)),
    ("ReduceMean", reduced("ReduceMean"), (2, 3), (11, 18)),
    ("ReduceMax", reduced("ReduceMax"), (2, 3), (11, 18)),
    ("Split", split, (1, 2, 3), (11, 13)),
    ("Gather", gather, (1, 2, 3), (11,)),
    ("Slice", sliced, (1, 2, 3), (11,)),
    ("Pad", padded, (1, 2, 3), (18,)),
    ("Resize linear", resized("linear"), (2, 3), (18,)),
    ("Resize nearest", resized("nearest", **NEAREST), (2, 3), (18,)),
]


@pytest.mark.parametrize(("draw", "axes", "opsets"), [o[1:] for o in OPERATORS], ids=lambda o: "")
def test_axes_from_behind(
    tmp_path: Path, draw: Draw, axes: tuple[int, ...], opsets: tuple[int, ...]
) -> None:
    """The same network with the axis counted from the front and from behind; both are right."""
    for opset in opsets:
        for axis in axes:
            graphs = []
            for place in (axis, axis - 4):
                net = Net(SHAPE, opset)
                y = net("Relu", draw(net, net.conv("image", 6, 6), place))
                graphs.append(assert_equal_to_runtime(net.save(tmp_path, y)))
            assert kinds(graphs[0]) == kinds(graphs[1])


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_sizes_that_keep_proportions(tmp_path: Path, policy: str, mode: str) -> None:
    """One factor for both axes, the size the nearest whole number to it.

    Axes from the front: ONNX Runtime 1.23 forgets the policy for others.
    """
    how = NEAREST if mode == "nearest" else {}
    net = Net((1, 3, 4, 8), 18)
    sizes = {"stretch": (8, 16), "not_larger": (8, 21), "not_smaller": (7, 16)}[policy]
    x = net.conv("image", 3, 4)
    attributes = {"axes": [2, 3], "keep_aspect_ratio_policy": policy, "mode": mode, **how}
    y = net("Resize", x, "", "", net.ints(*sizes), **attributes)
    graph = assert_equal_to_runtime(net.save(tmp_path, y))
    assert graph.tensors[graph.outputs[0]].shape == (1, 8, 16, 4)


@pytest.mark.parametrize("given", ["scales", "sizes"])
@pytest.mark.parametrize("empty", ["left out", "constants"])
def test_resize_inputs_that_say_nothing(tmp_path: Path, given: str, empty: str) -> None:
    """No region and no second way to say the size: left out, or constants without elements."""
    net = Net((1, 3, 4, 5), 13)
    nothing = "" if empty == "left out" else net.const([])
    told = {"scales": (net.const([1, 1, 2, 1.5]), ""), "sizes": (nothing, net.ints(1, 3, 8, 7))}
    scales, sizes = told[given]
    inputs = nothing, scales, sizes
    y = net(
        "Resize", net.conv("image", 3, 3), *inputs[: 2 if given == "scales" else 3], mode="linear"
    )
    assert_equal_to_runtime(net.save(tmp_path, y))


@pytest.mark.parametrize(
    ("axes", "sizes"), [((-1, 3), (8, 8)), ((-5, 2), (8, 8)), ((2, 3), (8,)), ((2, 3), (0, 8))]
)
def test_resize_refuses_axes_that_do_not_fit(
    tmp_path: Path, axes: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    net = Net((1, 3, 4, 4), 18)
    net("Resize", "image", "", "", net.ints(*sizes), axes=axes, mode="linear", out="y")
    with pytest.raises(UnsupportedError, match=r"Resize.*(axes|sizes)"):
        import_onnx(net.save(tmp_path, "y"))


def test_a_factor_just_beside_a_whole_one_repeats_no_pixels(tmp_path: Path) -> None:
    """2.0001: the third pixel is read at 0.99995, where a factor of 2 reads at 1."""
    net = Net((1, 3, 4, 4), 18)
    net("Resize", "image", "", net.const([1, 1, 2.0001, 2.0001]), out="y", **NEAREST)
    assert "SampleNearest" in kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))
