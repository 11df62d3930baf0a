"""Drawn element-wise operators, arithmetic with constants and between activations, Softmax."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tests.frontends.drawn import Drawn, kind, of_any_rank


def plain(op: str, since: int) -> None:
    """An operator without attributes."""
    kind(op, since)(lambda net, x: net(op, of_any_rank(net, x)))


for _op, _since in {
    "Relu": 11,
    "Abs": 11,
    "Erf": 11,
    "Neg": 11,
    "Sigmoid": 11,
    "Softplus": 11,
    "Tanh": 11,
    "Identity": 11,
    "HardSwish": 14,
    "Mish": 18,
}.items():
    plain(_op, _since)


kind("GlobalAveragePool")(lambda net, x: net("GlobalAveragePool", x))
kind("GlobalMaxPool")(lambda net, x: net("GlobalMaxPool", x))


@kind("Elu")
def elu(net: Drawn, x: str) -> str:
    return net("Elu", x, **({"alpha": net.real(0.1, 2)} if net.flag("alpha") else {}))


@kind("LeakyRelu")
def leaky_relu(net: Drawn, x: str) -> str:
    slope = {"none": {}, "below 1": {"alpha": net.real(0, 1)}, "above 1": {"alpha": 1.5}}
    return net("LeakyRelu", x, **slope[net.one("alpha", list(slope))])


@kind("HardSigmoid")
def hard_sigmoid(net: Drawn, x: str) -> str:
    given = {}
    if net.flag("alpha"):
        given["alpha"] = net.real(0.1, 0.6)
    if net.flag("beta"):
        given["beta"] = net.real(0.1, 0.9)
    return net("HardSigmoid", x, **given)


@kind("Gelu", since=20)
def gelu(net: Drawn, x: str) -> str:
    approximate = net.one("approximate", ["", "none", "tanh"])
    return net("Gelu", x, **({"approximate": approximate} if approximate else {}))


@kind("Pow")
def power(net: Drawn, x: str) -> str:
    exponent = net.one("exponent", [2, 3])
    dtype = net.one("type", [np.float32, np.int64]) if net.opset >= 12 else np.float32
    shape = net.one("shape", [(), (1,), (1, 1, 1, 1)])
    return net("Pow", x, net.const(np.full(shape, exponent), dtype))


@kind("PRelu")
def prelu(net: Drawn, x: str) -> str:
    channels = net.shape(x)[1]
    shapes = {
        "one": (),
        "one of rank 1": (1,),
        "channels": (channels, 1, 1),
        "channels of rank 4": (1, channels, 1, 1),
    }
    slopes = net.draws.uniform(-0.5, 1.5, shapes[net.one("slope", list(shapes))])
    return net("PRelu", x, net.const(slopes))


@kind("Clip")
def clip(net: Drawn, x: str) -> str:
    low = net.const(net.real(-1, 0)) if net.flag("minimum") else ""
    high = [net.const(net.real(0, 1))] if net.flag("maximum") else []
    return net("Clip", x, *([low, *high] if low or high else []))


def extremum(op: str) -> None:
    """Max or Min of an activation and a constant, or of several activations."""

    def build(net: Drawn, x: str) -> str:
        form = net.one("operands", ["constant", "constant first", "one", "two", "three"])
        bound = net.const(np.full(net.one("rank", [(), (1,), (1, 1, 1)]), net.real(-0.5, 0.5)))
        others = [net("Tanh", x), net("Neg", x)]
        operands = {
            "constant": [x, bound],
            "constant first": [bound, x],
            "one": [x],
            "two": [x, others[0]],
            "three": [others[1], x, others[0]],
        }
        return net(op, *operands[form])

    kind(op)(build)


extremum("Max")
extremum("Min")


def operand_shapes(shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Constants that broadcast to a value; `second` is the channels of a picture."""
    *outer, last = shape[1:]
    second = (*outer[:1], *(1,) * (len(shape) - 2)) if outer else (last,)
    return {
        "number": (),
        "number of rank 1": (1,),
        "second": second,
        "second and a batch": (1, *second),
        "last": (last,),
        "last but one": (*outer[-1:], 1),
        "all but the second": (1, *(1,) * bool(outer), *shape[2:]),
        "all": shape[1:],
        "all and a batch": shape,
    }


def with_constant(op: str) -> None:
    """Arithmetic of a picture and a constant of any shape, on either side."""

    def build(net: Drawn, x: str) -> str:
        x = of_any_rank(net, x)
        shapes = operand_shapes(net.shape(x))
        values = net.draws.uniform(0.3, 1.5, shapes[net.one("shape", list(shapes))])
        values = values * net.draws.choice([-1, 1], values.shape)
        first = op != "Div" and net.flag("constant first")
        constant = net.const(values)
        return net(op, constant, x) if first else net(op, x, constant)

    kind(f"{op} with a constant")(build)


def of_activations(op: str) -> None:
    """Arithmetic of two activations, equal or broadcast."""

    def build(net: Drawn, x: str) -> str:
        other = net.conv(x, net.shape(x)[1], net.shape(x)[1], 1)
        form = net.one("shapes", ["equal", "same", "channels", "one channel", "lower rank"])
        if form == "channels":
            other = net("GlobalAveragePool", other)
        elif form == "one channel":
            other = net("Sigmoid", net.conv(other, net.shape(x)[1], 1, 1))
        elif form == "lower rank":
            other = net.axes_op("Squeeze", other, 0)
        elif form == "same":
            other = x
        pair = (other, x) if net.flag("swapped") else (x, other)
        return net(op, *pair)

    kind(f"{op} of activations")(build)


for _op in ("Add", "Sub", "Mul", "Div"):
    with_constant(_op)
for _op in ("Add", "Sub", "Mul"):
    of_activations(_op)


@kind("Sum")
def sum_(net: Drawn, x: str) -> str:
    channels = net.shape(x)[1]
    others = [net.conv(x, channels, channels, 1), net("Relu", x), x]
    return net("Sum", x, *others[: net.one("operands", [1, 2, 3, 4]) - 1])


@kind("Cast")
def cast(net: Drawn, x: str) -> str:
    return net("Cast", x, to=TensorProto.FLOAT)


@kind("CastLike", since=15)
def cast_like(net: Drawn, x: str) -> str:
    return net("CastLike", x, net.const(0.0) if net.flag("constant") else "image")


@kind("Dropout")
def dropout(net: Drawn, x: str) -> str:
    if net.opset < 12:
        return net("Dropout", x, **({"ratio": 0.3} if net.flag("ratio") else {}))
    training = [net.const(False, np.bool_)] if net.flag("training mode") else []
    return net(
        "Dropout", x, *([net.const(0.3)] if net.flag("ratio") or training else []), *training
    )


@kind("Softmax")
def softmax(net: Drawn, x: str) -> str:
    rank = net.one("rank", [4, 3, 2])
    _, channels, height, width = net.shape(x)
    if rank == 3:
        x = net("Reshape", x, net.ints(1, channels, height * width))
    elif rank == 2:
        x = net("Flatten", x)
    axis = net.axis("axis", net.number(0 if rank > 2 else 1, rank - 1), rank)
    return net("Softmax", x, **({"axis": axis} if net.flag("axis") else {}))


@kind("BatchNormalization")
def batch_normalization(net: Drawn, x: str) -> str:
    if net.one("rank", [4, 2]) == 2:
        x = net("Flatten", x)
    channels = net.shape(x)[1]
    operands = [net.const(net.draws.normal(0, 1, channels)) for _ in range(3)]
    operands.append(net.const(net.draws.uniform(0.2, 2, channels)))
    given = {"epsilon": net.real(1e-4, 1e-1)} if net.flag("epsilon") else {}
    if net.flag("momentum"):
        given["momentum"] = 0.8
    return net("BatchNormalization", x, *operands, **given)
