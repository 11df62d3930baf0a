"""Drawn sliding windows, matrices and reductions."""

from __future__ import annotations

from typing import Any

from tests.frontends.drawn import Drawn, kind

AUTO_PADS = ["", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]


def window(net: Drawn, x: str, *, pool: bool, dilated: bool = True) -> dict[str, Any]:
    """kernel_shape, strides, dilations, pads or auto_pad of a window that fits."""
    kernel = [net.number(1, min(4, side)) for side in net.shape(x)[2:]]
    found: dict[str, Any] = {"kernel_shape": kernel}
    if net.flag("strides"):
        found["strides"] = [net.number(1, 3), net.number(1, 3)]
    if dilated and net.flag("dilations"):
        found["dilations"] = [net.number(1, 3), net.number(1, 3)]
    mode = net.one("auto_pad", AUTO_PADS)
    if mode:
        found["auto_pad"] = mode
    if mode in ("", "NOTSET") and net.flag("pads"):
        # ONNX Runtime wants pads of pools below the kernel.
        found["pads"] = [net.number(0, kernel[i % 2] - 1 if pool else 2) for i in range(4)]
    if mode.startswith("SAME") and "strides" in found:
        # ONNX Runtime computes negative pads where a stride exceeds the kernel, and fails.
        found["strides"] = [min(s, k) for s, k in zip(found["strides"], kernel, strict=True)]
    return found


@kind("Conv")
def conv(net: Drawn, x: str) -> str:
    channels = net.shape(x)[1]
    groups = {"one": 1, "some": next(g for g in (3, 2, 1) if channels % g == 0), "all": channels}
    group = groups[net.one("group", list(groups))]
    found = window(net, x, pool=False)
    outputs = group * net.number(1, 3)
    operands = [x, net.weights(outputs, channels // group, *found["kernel_shape"])]
    if net.flag("bias"):
        operands.append(net.weights(outputs))
    if not net.flag("kernel_shape"):
        del found["kernel_shape"]
    if group > 1 or net.flag("group given"):
        found["group"] = group
    return net("Conv", *operands, **found)


@kind("ConvTranspose")
def conv_transpose(net: Drawn, x: str) -> str:
    _, channels, height, width = net.shape(x)
    kernel = [net.number(1, 4), net.number(1, 4)]
    outputs = net.number(1, 4)
    operands = [x, net.weights(channels, outputs, *kernel)]
    if net.flag("bias"):
        operands.append(net.weights(outputs))
    stride = [net.number(1, 3), net.number(1, 3)]
    given: dict[str, Any] = {"strides": stride}
    form = net.one(
        "size", ["pads", "output_padding", "output_shape", "SAME_UPPER", "SAME_LOWER", "VALID"]
    )
    if form in ("pads", "output_padding"):
        given["pads"] = [net.number(0, kernel[i % 2] - 1) for i in range(4)]
    if form == "output_padding":
        given["output_padding"] = [net.number(0, s - 1) for s in stride]
    elif form == "output_shape":
        whole = [(n - 1) * s + k for n, s, k in zip((height, width), stride, kernel, strict=True)]
        given["output_shape"] = [n - net.number(-1, min(2, n - 1)) for n in whole]
        if net.flag("auto_pad"):
            given["auto_pad"] = net.one("shape's", ["SAME_UPPER", "SAME_LOWER", "NOTSET"])
    elif form != "pads":
        given["auto_pad"] = form
    if net.flag("kernel_shape"):
        given["kernel_shape"] = kernel
    return net("ConvTranspose", *operands, **given)


@kind("MaxPool")
def max_pool(net: Drawn, x: str) -> str:
    found = window(net, x, pool=True)
    if net.flag("ceil_mode"):
        found["ceil_mode"] = 1
    return net("MaxPool", x, **found)


@kind("AveragePool")
def average_pool(net: Drawn, x: str) -> str:
    found = window(net, x, pool=True, dilated=net.opset >= 19)
    if net.flag("ceil_mode"):
        found["ceil_mode"] = 1
    if net.flag("count_include_pad"):
        found["count_include_pad"] = 1
    return net("AveragePool", x, **found)


def reduction(op: str, axes_input: int) -> None:
    """A reduction over the picture, its rows or its columns."""

    def build(net: Drawn, x: str) -> str:
        axes = net.one("axes", [(2, 3), (3, 2), (2,), (3,), (1,), (1, 2, 3), ()])
        given: dict[str, Any] = {}
        if net.flag("keepdims"):
            given["keepdims"] = net.one("keepdims is", [0, 1])
        if not axes:
            if op == "ReduceMean" and net.opset >= 18 and net.flag("noop_with_empty_axes"):
                given["noop_with_empty_axes"] = 1
            return net(op, x, **given)
        axes = tuple(net.axis("axis", axis, 4) for axis in axes)
        if net.opset >= axes_input:
            return net(op, x, net.ints(*axes), **given)
        return net(op, x, axes=list(axes), **given)

    kind(op)(build)


reduction("ReduceMean", 18)
reduction("ReduceMax", 18)


@kind("Gemm")
def gemm(net: Drawn, x: str) -> str:
    vector = net("Flatten", x)
    inputs, outputs = net.shape(vector)[1], net.number(1, 7)
    given: dict[str, Any] = {}
    if net.flag("transA"):
        vector = net("Transpose", vector, perm=[1, 0])
        given["transA"] = 1
    shape = (inputs, outputs)
    if net.flag("transB"):
        shape, given["transB"] = (outputs, inputs), 1
    if net.flag("alpha"):
        given["alpha"] = net.real(0.2, 2)
    operands = [vector, net.weights(*shape)]
    added = {"none": None, "row": (outputs,), "matrix": (1, outputs), "number": (), "one": (1,)}
    c = added[net.one("C", list(added))]
    if c is not None:
        operands.append(net.weights(*c))
        if net.flag("beta"):
            given["beta"] = net.real(-2, 2)
    return net("Gemm", *operands, **given)


@kind("MatMul")
def matmul(net: Drawn, x: str) -> str:
    _, channels, height, width = net.shape(x)
    form = net.one("operand", ["vector", "columns", "pixels", "rows", "batched"])
    if form == "vector":
        x = net("Flatten", x)
    elif form == "pixels":
        x = net("Transpose", x, perm=[0, 2, 3, 1])
    elif form == "rows":
        x = net("Reshape", x, net.ints(1, channels, height * width))
    inputs, outputs = net.shape(x)[-1], net.number(1, 6)
    shape = (1, inputs, outputs) if form == "batched" else (inputs, outputs)
    y = net("MatMul", x, net.weights(*shape))
    if net.flag("bias"):
        bias = net.weights(outputs)
        y = net("Add", bias, y) if net.flag("bias first") else net("Add", y, bias)
    return y


@kind("MatMul of a constant and an activation")
def matmul_left(net: Drawn, x: str) -> str:
    return net("MatMul", net.weights(net.number(1, 4), net.shape(x)[2]), x)


@kind("MatMul of activations")
def matmul_of_activations(net: Drawn, x: str) -> str:
    """A picture's channels as tokens or features, in heads or not, either side transposed."""
    _, channels, height, width = net.shape(x)
    heads = net.number(1, 2)
    parts = [net.conv(x, channels, 2 * heads, 1) for _ in range(2)]
    tokens = net.ints(1, heads, 2, height * width)
    a, b = (net("Reshape", part, tokens) for part in parts)
    if net.flag("over tokens"):
        return net("MatMul", a, net("Transpose", b, perm=[0, 1, 3, 2]))
    form = net.one("left", ["transposed", "weights of tokens"])
    left = net("Transpose", a, perm=[0, 1, 3, 2])
    if form == "transposed":
        return net("MatMul", left, b)
    weights = net("Softmax", net("MatMul", left, b), axis=-1)
    return net("MatMul", b, net("Transpose", weights, perm=[0, 1, 3, 2]))


@kind("Einsum")
def einsum(net: Drawn, x: str) -> str:
    """The products of attention, and one of channels, letter by letter."""
    channels = net.shape(x)[1]
    a, b = (net.conv(x, channels, net.number(2, 3), 1) for _ in range(2))
    equation = net.one("equation", ["nchw,ndhw->ncd", "nchw,ndhw->ndc", "nchw,ndhw->nhcd"])
    return net("Einsum", a, b, equation=equation)
