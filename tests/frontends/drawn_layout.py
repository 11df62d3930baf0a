"""Drawn operators that move elements: layouts, slices, borders, resizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.frontends.drawn import Drawn, kind, of_any_rank


@kind("Transpose")
def transpose(net: Drawn, x: str) -> str:
    if net.flag("default perm"):
        return net("Transpose", x)
    perms = [(0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (0, 3, 2, 1), (2, 0, 1, 3), (1, 0, 2, 3)]
    y = net("Transpose", x, perm=net.one("perm", perms))
    return net("Transpose", y, perm=net.one("then", perms)) if net.flag("twice") else y


@kind("Reshape")
def reshape(net: Drawn, x: str) -> str:
    _, c, h, w = net.shape(x)
    shapes = {
        "vector": (1, c * h * w),
        "computed": (1, -1),
        "copied": (0, 0, -1),
        "pixels in one": (1, c, h * w),
        "channels and rows": (1, c * h, w),
        "rank 5": (1, 1, c, h, w),
        "no batch": (c, h, w),
        "one axis": (-1,),
        "other picture": (1, h, w, c),
    }
    shape = shapes[net.one("shape", list(shapes))]
    allow = net.opset >= 14 and 0 not in shape and net.flag("allowzero")
    y = net("Reshape", x, net.ints(*shape), **({"allowzero": 1} if allow else {}))
    if net.flag("and back"):
        y = net("Reshape", net("Relu", y), net.ints(1, c, h, w))
    return y


@kind("Flatten")
def flatten(net: Drawn, x: str) -> str:
    if not net.flag("axis"):
        return net("Flatten", x)
    return net("Flatten", x, axis=net.axis("axis", net.one("axis is", [0, 1, 2, 3]), 4))


@kind("Squeeze")
def squeeze(net: Drawn, x: str) -> str:
    form = net.one("axes", ["none", "batch", "pixel"])
    if form != "batch":
        x = net("GlobalAveragePool", x)
    if form == "none":
        return net("Squeeze", x)
    axes = [net.axis("axis", axis, 4) for axis in ([0] if form == "batch" else [2, 3])]
    return net.axes_op("Squeeze", x, *axes)


@kind("Unsqueeze")
def unsqueeze(net: Drawn, x: str) -> str:
    axes = net.one("axes", [(0,), (2,), (4,), (1, 3)])
    rank = 4 + len(axes)
    y = net.axes_op("Unsqueeze", x, *(net.axis("axis", axis, rank) for axis in axes))
    if net.flag("and back"):
        y = net.axes_op("Squeeze", net("Relu", y), *axes)
    return y


@kind("Expand")
def expand(net: Drawn, x: str) -> str:
    shapes = {"same": net.shape(x), "ones": (1, 1, 1, 1), "more axes": (1, *net.shape(x))}
    return net("Expand", x, net.ints(*shapes[net.one("shape", list(shapes))]))


@kind("Concat")
def concat(net: Drawn, x: str) -> str:
    x = of_any_rank(net, x)
    others = [net("Tanh", x), x, net("Relu", x)]
    rank = len(net.shape(x))
    axis = net.axis("axis", net.one("axis is", range(1, rank)), rank)
    form = net.one("operands", [1, 2, 3, 4])
    return net("Concat", *[x, *others][:form], axis=axis)


@kind("DepthToSpace")
def depth_to_space(net: Drawn, x: str) -> str:
    block = net.number(1, 3)
    deep = net.conv(x, net.shape(x)[1], block * block * net.number(1, 3), 1)
    mode = net.one("mode", ["", "DCR", "CRD"])
    return net("DepthToSpace", deep, blocksize=block, **({"mode": mode} if mode else {}))


@kind("SpaceToDepth")
def space_to_depth(net: Drawn, x: str) -> str:
    block = net.one("blocksize", [1, 2, 3])
    _, _, height, width = net.shape(x)
    ends = net.ints(block * max(1, height // block), block * max(1, width // block))
    whole = net("Slice", x, net.ints(0, 0), ends, net.ints(2, 3))
    return net("SpaceToDepth", whole, blocksize=block)


@kind("Pad")
def pad(net: Drawn, x: str) -> str:
    begin, end = ([0, *(net.number(0, 2) for _ in range(3))] for _ in range(2))
    axes: list[int] = []
    if net.opset >= 18 and net.flag("axes"):
        axes = net.one("axes are", [[2, 3], [3, 2], [-1, -2], [3], [1], [-3, 2]])
        begin, end = [begin[axis] for axis in axes], [end[axis] for axis in axes]
    operands = [x, net.ints(*begin, *end)]
    value = net.one("value", ["none", "left out", "zero", "number"])
    if value in ("zero", "number"):
        operands.append(net.const(0.0 if value == "zero" else net.real(-0.9, 0.9)))
    elif value == "left out" or axes:
        operands.append("")
    if axes:
        operands.append(net.ints(*axes))
    return net("Pad", *operands, **({"mode": "constant"} if net.flag("mode") else {}))


@kind("Slice")
def slice_(net: Drawn, x: str) -> str:
    x = of_any_rank(net, x)
    shape = net.shape(x)
    rank = len(shape)
    some = {
        4: [(2, 3), (3, 2), (1,), (2,), (1, 2, 3), (0, 1, 2, 3)],
        3: [(1,), (2,), (1, 2), (0, 1, 2)],
        2: [(1,), (0, 1)],
    }
    axes = net.one("axes", some[rank])
    starts, ends, steps = [], [], []
    for axis in axes:
        length = shape[axis]
        first = net.number(0, length - 1)
        last = net.number(first + 1, length)
        from_back = net.flag("bounds from the back")
        starts.append(first - length if from_back else first)
        beyond = last == length and net.flag("end beyond")
        ends.append(2**31 - 1 if beyond else last - length if from_back and last < length else last)
        steps.append(net.number(1, 3))
    named = [net.axis("axis", axis, rank) for axis in axes]
    operands = [net.ints(*starts), net.ints(*ends)]
    if len(axes) < rank or net.flag("axes given"):
        operands.append(net.ints(*named))
        if net.flag("steps"):
            operands.append(net.ints(*steps))
    return net("Slice", x, *operands)


@kind("Split")
def split(net: Drawn, x: str) -> tuple[str, ...]:
    x = of_any_rank(net, x)
    rank = len(net.shape(x))
    place = net.one("axis", range(1, rank))
    x = net("Concat", x, net("Tanh", x), axis=place)
    length = net.shape(x)[place]
    given: dict[str, Any] = {"axis": net.axis("axis", place, rank)}
    operands, parts = [x], [length // 2, length // 2]
    if net.flag("sizes"):
        first = net.number(1, length - 1)
        parts = [first, length - first]
        if net.opset >= 13:
            operands.append(net.ints(*parts))
        else:
            given["split"] = parts
    elif net.opset >= 18:
        given["num_outputs"] = net.one("num_outputs", [2, 3])
        parts = [1] * given["num_outputs"]
    first = net("Split", *operands, **given)
    others = [f"{first}.{i}" for i in range(1, len(parts))]
    net.nodes[-1].output.extend(others)
    if net.flag("all read"):
        return (first, *others)
    return (others[-1],)


@kind("Gather")
def gather(net: Drawn, x: str) -> str:
    x = of_any_rank(net, x)
    rank = len(net.shape(x))
    place = net.one("axis", range(1, rank))
    length = net.shape(x)[place]
    first = net.number(0, length - 1)
    forms = {
        "number": first,
        "negative number": first - length,
        "one": [first],
        "range": list(range(first, length)),
        "steps": list(range(first, length, 2)),
        "negative range": [i - length for i in range(first, length)],
    }
    positions = forms[net.one("positions", list(forms))]
    dtype = net.one("type", [np.int64, np.int32])
    return net("Gather", x, net.const(positions, dtype), axis=net.axis("axis", place, rank))


@kind("Resize linear")
def resize_linear(net: Drawn, x: str) -> str:
    modes = ["", "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    given: dict[str, Any] = {"mode": "linear"}
    if net.opset >= 19:
        modes.append("half_pixel_symmetric")
    where = net.one("coordinates", modes)
    if where:
        given["coordinate_transformation_mode"] = where
    if net.opset >= 18 and net.flag("antialias"):
        given["antialias"] = net.one("antialias is", [0, 1])
    return _resized(net, x, given, [0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0])


@kind("Resize nearest")
def resize_nearest(net: Drawn, x: str) -> str:
    given: dict[str, Any] = {}
    modes = ["", "half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]
    if net.opset < 13:
        modes.append("tf_half_pixel_for_nn")
    where = net.one("coordinates", modes)
    if where:
        given["coordinate_transformation_mode"] = where
    roundings = ["", "floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]
    rounding = net.one("nearest_mode", roundings)
    if rounding:
        given["nearest_mode"] = rounding
    if net.flag("mode given"):
        given["mode"] = "nearest"
    return _resized(net, x, given, [1.0, 2.0, 2.0, 2.0, 3.0])


def _resized(net: Drawn, x: str, given: dict[str, Any], factors: list[float]) -> str:
    """Resize by factors or to sizes, of all axes or some."""
    shape = net.shape(x)
    both = net.flag("one factor")
    rows = factors[net.number(0, len(factors) - 1)]
    columns = rows if both else factors[net.number(0, len(factors) - 1)]
    chosen = {0: 1.0, 1: 1.0, 2: rows, 3: columns}
    axes = [0, 1, 2, 3]
    if net.opset >= 18 and net.flag("axes"):
        axes = net.one("axes are", [[2, 3], [3, 2], [-2, -1], [-1, -2], [1, 2, 3], [2], [-1]])
        given["axes"] = axes
    sizes = net.flag("sizes")
    if sizes and "axes" in given:
        policy = net.one("policy", ["stretch", "not_larger", "not_smaller"])
        given["keep_aspect_ratio_policy"] = policy
        if policy.startswith("not"):  # ONNX Runtime ignores it for axes counted from the back
            given["axes"] = axes = [2, 3]
    wanted = [chosen[axis % 4] for axis in axes]
    empty = net.const([]) if net.opset < 13 else ""
    if sizes:
        lengths = [max(1, int(shape[a % 4] * f)) for a, f in zip(axes, wanted, strict=True)]
        return net("Resize", x, empty, empty, net.ints(*lengths), **given)
    return net("Resize", x, empty, net.const(wanted), **given)
