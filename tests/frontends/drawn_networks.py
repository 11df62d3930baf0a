"""Drawn networks of two to five parts, and one network for every way of writing one operator.

FAMILIES are the small networks that quantizers meet: each has one operator, or one habit of
exporters, between convolutions.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.frontends.drawn import Case, Decks, Drawn, NotAModel

ACTIVATIONS = ["Relu", "Clip", "LeakyRelu", "HardSwish", "Sigmoid", "Tanh", "PRelu"]
PARTS = [
    "convolution",
    "depthwise",
    "shared weights",
    "activation",
    "residual",
    "concat",
    "branches",
    "max pool",
    "average pool",
    "resize",
    "gate",
    "channels",
    "halves",
    "border",
    "blocks",
    "extremum",
]


def networks(count: int, seed: int) -> list[Case]:
    """Drawn networks that ONNX Runtime takes; the same for the same seed."""
    decks, found, number = Decks(), [], 1000 * seed
    while len(found) < count:
        number += 1
        net = Drawn(13 + number % 8, number, decks)
        net.kind = "network"
        try:
            outputs = _network(net)
            net.values(*outputs)
        except NotAModel:
            continue
        found.append(Case(f"network {number} opset {net.opset}", net, outputs))
    return found


def _network(net: Drawn) -> tuple[str, ...]:
    x = net.conv("image", net.shape("image")[1], net.number(2, 5))
    x = _activation(net, x) if net.flag("activation first") else x
    between = []
    for _ in range(net.number(1, 4)):
        x = _part(net, x, net.one("part", PARTS))
        between.append(x)
    outputs = [between[0]] if net.flag("output in the middle") else []
    end = net.one("end", ["picture", "convolution", "classifier", "means", "scores"])
    channels = net.shape(x)[1]
    if end == "convolution":
        x = net.conv(x, channels, 3, 1)
    elif end != "picture":
        x = net("Flatten", net("GlobalAveragePool", x) if end == "means" else x)
        x = net("Gemm", x, net.weights(4, net.shape(x)[1]), net.weights(4), transB=1)
        x = net("Softmax", x, axis=1) if end == "scores" else x
    return tuple(dict.fromkeys([*outputs, x]))


def _activation(net: Drawn, x: str) -> str:
    op = net.one("activation", ACTIVATIONS)
    if op == "Clip":
        low, high = net.one("bounds", [(0.0, 6.0), (-0.5, 0.8), (0.0, 0.5)])
        return net("Clip", x, net.const(low), net.const(high))
    if op == "HardSwish" and net.opset < 14:
        return net("Mul", x, net("HardSigmoid", x, alpha=1 / 6))
    if op == "PRelu":
        return net("PRelu", x, net.const(net.draws.uniform(0, 0.5, (net.shape(x)[1], 1, 1))))
    return net(op, x)


def _part(net: Drawn, x: str, part: str) -> str:
    """One more part behind the picture `x`."""
    _, channels, height, width = net.shape(x)
    if part == "convolution":
        return _activation(net, net.conv(x, channels, net.number(1, 5), net.one("kernel", [1, 3])))
    if part == "depthwise":
        strides = [net.number(1, 2), net.number(1, 2)]
        return net.conv(x, channels, channels, group=channels, strides=strides)
    if part == "shared weights":
        weights, bias = net.weights(channels, channels, 3, 3, scale=0.2), net.weights(channels)
        y = net("Relu", net("Conv", x, weights, bias, pads=[1] * 4))
        return net("Conv", y, weights, bias, pads=[1] * 4)
    if part == "activation":
        return _activation(net, x)
    if part in ("residual", "concat", "branches", "gate", "extremum"):
        return _joined(net, x, part)
    if part in ("max pool", "average pool"):
        side = net.number(1, min(3, height, width))
        op = "MaxPool" if part == "max pool" else "AveragePool"
        pads = [net.number(0, side - 1)] * 4
        return net(op, x, kernel_shape=[side, side], strides=[net.number(1, 2)] * 2, pads=pads)
    if part == "resize":
        return _resized(net, x)
    if part == "channels":
        op = net.one("constant", ["Mul", "Add", "BatchNormalization"])
        if op == "BatchNormalization":
            return net.batch_norm(x, channels)
        return net(op, x, net.const(net.draws.uniform(0.5, 1.5, (1, channels, 1, 1))))
    if part == "halves":
        return _halves(net, x)
    if part == "border":
        number = [net.const(net.one("border", [0.0, 0.25]))] if net.flag("a number") else []
        return net("Pad", x, net.ints(0, 0, 1, 1, 0, 0, 1, 1), *number)
    return net("DepthToSpace", net.conv(x, channels, 8, 1), blocksize=2)


def _joined(net: Drawn, x: str, part: str) -> str:
    """Two ways from `x` that meet again."""
    channels = net.shape(x)[1]
    if part == "gate":
        pooled = net.conv(net("GlobalAveragePool", x), channels, channels, 1)
        return net("Mul", x, net(net.one("gate", ["Sigmoid", "HardSigmoid"]), pooled))
    y = net.conv(x, channels, channels)
    if part == "residual":
        y = net("Add", y, x) if net.flag("swapped") else net("Add", x, y)
        return net("Relu", y) if net.flag("Relu behind") else y
    if part == "extremum":
        return net(net.one("extremum", ["Max", "Min"]), x, y)
    others = [net("Relu", y), x] if part == "concat" else [y, net.conv(x, channels, 2, 1)]
    return net("Concat", *others, axis=1)


def _resized(net: Drawn, x: str) -> str:
    factors = net.const([1.0, 1.0, 2.0, 2.0])
    if net.flag("linear"):
        return net("Resize", x, "", factors, mode="linear")
    where = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return net("Resize", x, "", factors, mode="nearest", **where)


def _halves(net: Drawn, x: str) -> str:
    """Channels split, one half convolved, joined in another order."""
    y = net.conv(x, net.shape(x)[1], 4, 1)
    first = net("Split", y, net.ints(1, 3), axis=1)
    net.nodes[-1].output.append(f"{first}.rest")
    return net("Concat", net.conv(f"{first}.rest", 3, 2), first, axis=1)


Family = Callable[[Drawn], str | tuple[str, ...]]
FAMILIES: dict[str, Family] = {}


def _family(build: Family) -> Family:
    FAMILIES[build.__name__] = build
    return build


def _start(net: Drawn, channels: int = 4) -> str:
    return net.conv("image", net.shape("image")[1], channels)


def _end(net: Drawn, x: str) -> str:
    return net.conv(x, net.shape(x)[1], 2)


def _between(name: str, middle: Callable[[Drawn, str], str]) -> None:
    """The operator between two convolutions, and as the last one."""
    FAMILIES[name] = lambda net: _end(net, middle(net, _start(net)))
    FAMILIES[f"{name}_last"] = lambda net: middle(net, _start(net))


def family(name: str) -> Case:
    """The network of a family."""
    net = Drawn(17, 1 + sum(map(ord, name)), Decks())
    net.kind = name
    made = FAMILIES[name](net)
    return Case(name, net, made if isinstance(made, tuple) else (made,))


for _op in ("LeakyRelu", "HardSwish", "Tanh", "Sigmoid", "Relu", "Erf", "Abs", "Elu"):
    _between(_op.lower(), lambda net, x, op=_op: net(op, x))
for _name, _bounds in {"relu6": (0.0, 6.0), "clip": (-0.5, 0.7)}.items():
    _between(_name, lambda net, x, b=_bounds: net("Clip", x, net.const(b[0]), net.const(b[1])))
_between("depth_to_space", lambda net, x: net("DepthToSpace", x, blocksize=2))
_between("global_maximum", lambda net, x: net("GlobalMaxPool", x))
_between("global_mean", lambda net, x: net("GlobalAveragePool", x))
_between("square", lambda net, x: net("Pow", x, net.const(2.0)))
_between("double", lambda net, x: net("Add", x, x))
_between("normalised", lambda net, x: net.batch_norm(net("Relu", x), 4))
_between("difference", lambda net, x: net("Sub", x, net.conv(x, 4, 4)))
_between("transposed", lambda net, x: net("ConvTranspose", x, net.weights(4, 3, 2, 2)))
_between("attention", lambda net, x: net("Mul", x, net("Sigmoid", net.conv(x, 4, 1))))
_between("extrema", lambda net, x: net("Max", x, net("Min", _start(net), net.conv(x, 4, 4))))
_between(
    "slope_a_channel",
    lambda net, x: net("PRelu", x, net.const([[[0.1]], [[0.2]], [[0.3]], [[0.4]]])),
)
_between(
    "steps", lambda net, x: net("Slice", x, net.ints(0), net.ints(9), net.ints(3), net.ints(2))
)
_between("every_other", lambda net, x: net("Gather", x, net.ints(0, 2), axis=1))
for _pads in ("value", "zero", "none"):
    _between(
        f"border_{_pads}",
        lambda net, x, p=_pads: net(
            "Pad",
            x,
            net.ints(0, 1, 1, 0, 0, 0, 2, 1),
            *([] if p == "none" else [net.const(0.7 if p == "value" else 0.0)]),
        ),
    )
for _count in (0, 1):
    _between(
        f"mean_pool_{_count}",
        lambda net, x, c=_count: net(
            "AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=c
        ),
    )
for _mode in ("linear", "nearest"):
    _between(
        f"twice_{_mode}",
        lambda net, x, m=_mode: net(
            "Resize",
            x,
            "",
            net.const([1, 1, 2, 2]),
            mode=m,
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
    )


@_family
def decomposed_hard_swish(net: Drawn) -> str:
    x = _start(net)
    gate = net("Clip", net("Add", x, net.const(3.0)), net.const(0.0), net.const(6.0))
    return _end(net, net("Mul", x, net("Div", gate, net.const(6.0))))


@_family
def decomposed_gelu(net: Drawn) -> str:
    x = _start(net)
    inner = net("Add", net("Erf", net("Div", x, net.const(2**0.5))), net.const(1.0))
    return _end(net, net("Mul", net("Mul", x, inner), net.const(0.5)))


@_family
def squeeze_excite(net: Drawn) -> str:
    x = _start(net)
    gate = net("Relu", net.conv(net("GlobalAveragePool", x), 4, 2, 1))
    return _end(net, net("Mul", x, net("Sigmoid", net.conv(gate, 2, 4, 1))))


@_family
def shuffled_channels(net: Drawn) -> str:
    x = _start(net, 8)
    _, _, height, width = net.shape(x)
    x = net("Reshape", x, net.ints(1, 2, 4, height, width))
    x = net("Transpose", x, perm=[0, 2, 1, 3, 4])
    return _end(net, net("Reshape", x, net.ints(1, 8, height, width)))


@_family
def normalised_input(net: Drawn) -> str:
    channels = net.shape("image")[1]
    mean, std = (net.const(net.draws.uniform(0.2, 0.5, (1, channels, 1, 1))) for _ in range(2))
    return net.conv(net("Div", net("Sub", "image", mean), std), channels, 4)


@_family
def batch_norm_first(net: Drawn) -> str:
    channels = net.shape("image")[1]
    return net.conv(net.batch_norm("image", channels), channels, 3)


@_family
def border_first(net: Drawn) -> str:
    x = net("Pad", "image", net.ints(0, 0, 1, 1, 0, 0, 1, 1))
    return net.conv(x, net.shape("image")[1], 4, pads=[0] * 4)


@_family
def only_a_mean(net: Drawn) -> str:
    return net("GlobalAveragePool", "image")


@_family
def two_outputs(net: Drawn) -> tuple[str, ...]:
    x = _start(net)
    return x, _end(net, x)


@_family
def shared_weights(net: Drawn) -> str:
    weights, bias = net.weights(4, 4, 3, 3), net.weights(4)
    x = net("Relu", _start(net))
    for _ in range(2):
        x = net("Conv", x, weights, bias, pads=[1] * 4)
    return x


@_family
def dilated_multiplier(net: Drawn) -> str:
    x = net("Relu", _start(net))
    return net.conv(x, 4, 8, group=4, dilations=[2, 2], pads=[2] * 4)


@_family
def tiny_weights(net: Drawn) -> str:
    x = net("Relu", _start(net))
    bias = net.const([5.0, -4.5, 1.0, 2.0])
    return net("Conv", x, net.weights(4, 4, 3, 3, scale=1e-9), bias, pads=[1] * 4)


@_family
def dead_channel(net: Drawn) -> str:
    weights = net.rng.normal(0, 0.4, (4, 4, 3, 3))
    weights[1] = 0
    bias = net.const([0.5, -0.4, 0.1, 0.2])
    return net("Conv", net("Relu", _start(net)), net.const(weights), bias, pads=[1] * 4)


@_family
def widened_and_added(net: Drawn) -> str:
    x = _start(net)
    wide = net("Pad", x, net.ints(0, 2, 0, 0, 0, 2, 0, 0))
    return net("Relu", net("Add", wide, net.conv(x, 4, 8)))


def _dense(name: str, **attributes: float) -> None:
    def build(net: Drawn) -> str:
        x = net("Flatten", _start(net))
        inputs = net.shape(x)[1]
        shape = (5, inputs) if attributes.get("transB") else (inputs, 5)
        return net("Gemm", x, net.weights(*shape), net.weights(5), **attributes)

    FAMILIES[name] = build


_dense("gemm")
_dense("gemm_transposed", transB=1)
_dense("gemm_alpha_beta", transB=1, alpha=0.5, beta=2.0)


@_family
def matmul_and_add(net: Drawn) -> str:
    x = net("Flatten", _start(net))
    return net("Add", net("MatMul", x, net.weights(net.shape(x)[1], 5)), net.weights(5))


@_family
def scores(net: Drawn) -> str:
    x = net("Squeeze", net("GlobalAveragePool", _start(net)), net.ints(2, 3))
    return net("Softmax", net("Gemm", x, net.weights(4, 6)), axis=-1)


@_family
def scores_of_pixels(net: Drawn) -> str:
    return net("Softmax", _start(net), axis=1)


@_family
def mean_without_axes(net: Drawn) -> str:
    x = net.mean(_start(net), [2, 3], 0)
    return net("Gemm", x, net.weights(4, 5), net.weights(5))


@_family
def unsqueezed_and_squeezed(net: Drawn) -> str:
    x = net.axes_op("Squeeze", net.axes_op("Unsqueeze", _start(net), 2), 2)
    return _end(net, x)
