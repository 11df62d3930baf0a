"""Every ONNX operator with drawn attributes: the float import against ONNX Runtime.

A network is equal on every value it shares with the file, before and after the passes, or it is
refused for a reason of the list below; each kind of operator has choices that are never refused.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.converters import converters
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from tests.frontends.drawn import Drawn, Kind, Tally, cases_of, kinds
from tests.frontends.drawn_networks import FAMILIES, family, networks
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime
from tests.frontends.onnx_nets import kinds as ops_of

# What each kind may be refused for.
REFUSALS = {
    "Add of activations": r"only equal ones are combined",
    "Sub of activations": r"only equal ones are combined",
    "AveragePool": r"has two meanings|does not fit into a padded",
    "MaxPool": r"has two meanings|does not fit into a padded",
    "ConvTranspose": r"an output of \d+ pixels where \d+ are reached|cut off, the kernel has",
    "ReduceMax": r"only over the picture",
    "ReduceMean": r"only over the picture",
    "Resize linear": r"antialias|align_corners with the factors",
}
# Tested in files of their own: functions of one value, norms, reductions over any axes.
FUNCTIONS = {"Ceil", "Celu", "Cos", "Exp", "Floor", "Log", "Reciprocal", "Round", "Selu", "Shrink"}
FUNCTIONS |= {"Sign", "Sin", "Softsign", "Sqrt", "ThresholdedRelu"}
FUNCTIONS |= {f"com.microsoft.{name}" for name in ("FastGelu", "Gelu", "QuickGelu")}
NORMS = {"GroupNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization"}
RUNTIMES = ("Attention", "BiasGelu", "MultiHeadAttention", "RotaryEmbedding")
NORMS |= {"RMSNormalization", "SimplifiedLayerNormalization", "mcucc.Normal"}
REDUCTIONS = {"L1", "L2", "LogSum", "LogSumExp", "Min", "Sum", "SumSquare"}
REDUCTIONS |= {"Prod"}
PIECES = {"And", "ArgMax", "ArgMin", "Equal", "GatherND", "Greater", "GreaterOrEqual", "Less"}
PIECES |= {
    "Attention",
    "RotaryEmbedding",
    "LessOrEqual",
    "LogSoftmax",
    "Mod",
    "Not",
    "Or",
    "Tile",
    "Where",
}
# Operators of newer opsets than ONNX Runtime computes, and those with tests of their own.
SKIPS = ("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
PIECES |= {f"com.microsoft.{name}" for name in (*RUNTIMES, *SKIPS)}
NOT_DRAWN = {"Swish"} | FUNCTIONS | NORMS | PIECES | {f"Reduce{name}" for name in REDUCTIONS}


def behind_a_convolution(net: Drawn, kind: Kind) -> tuple[str, ...]:
    """The operator on the input, or behind a convolution: then passes may fuse it."""
    x = "image"
    if net.flag("behind a convolution"):
        x = net.conv(x, net.shape(x)[1], net.number(1, 5))
    return kind.add(net, x)


def compared(kind: Kind, count: int, seed: int, folder: Path) -> Tally:
    """Draw and compare; AssertionError names the first network that is wrong."""
    tally = Tally()
    for case in cases_of(kind, count, seed, behind_a_convolution):
        path = case.save(folder)
        try:
            assert_equal_to_runtime(path)
            tally.note(case.net, "equal")
        except UnsupportedError as error:
            assert kind.name in REFUSALS, f"{case.label}: {error}"
            assert re.search(REFUSALS[kind.name], str(error)), f"{case.label}: {error}"
            tally.note(case.net, "refused")
        except AssertionError as error:
            raise AssertionError(f"{case.label} {case.net.chosen}") from error
    return tally


def test_every_operator_is_drawn(tmp_path: Path) -> None:
    """One network of each kind; together they hold every operator that has a converter."""
    operators: set[str] = set()
    for kind in kinds().values():
        operators |= compared(kind, 1, 0, tmp_path).operators
    assert set(converters()) - operators == NOT_DRAWN


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds())
def test_drawn_attributes(name: str, tmp_path: Path) -> None:
    """Every choice is drawn; all networks are equal, a third where some may be refused."""
    tally = compared(kinds()[name], 12, 1, tmp_path)
    assert not tally.never_drawn()
    if name in REFUSALS:
        assert tally.outcomes["equal"] > tally.outcomes.total() / 3
    else:
        assert set(tally.outcomes) == {"equal"}


@pytest.mark.slow
def test_drawn_networks(tmp_path: Path) -> None:
    """Two to five parts with branches, shared weights, outputs in the middle: all equal."""
    tally = Tally()
    for case in [*(family(name) for name in FAMILIES), *networks(60, 1)]:
        assert_equal_to_runtime(case.save(tmp_path))
        tally.note(case.net, "equal")
    assert not tally.never_drawn()


@pytest.mark.parametrize(
    ("attributes", "cut"),
    [
        ({"output_shape": [7, 9]}, (1, 1)),
        ({"output_shape": [8, 10]}, (1, 1)),
        ({"output_shape": [8, 10], "auto_pad": "SAME_UPPER"}, (0, 0)),
        ({"output_shape": [8, 10], "auto_pad": "SAME_LOWER"}, (1, 1)),
        ({"auto_pad": "SAME_UPPER"}, (0, 0)),
        ({"auto_pad": "SAME_LOWER"}, (1, 1)),
    ],
)
def test_where_a_transposed_convolution_is_cut(
    tmp_path: Path, attributes: dict[str, object], cut: tuple[int, int]
) -> None:
    """An odd pixel goes in front, but for SAME_UPPER; without auto_pad too."""
    net = Net([1, 2, 4, 5])
    x = net("ConvTranspose", "image", net.weights(2, 3, 3, 3), strides=[2, 2], **attributes)
    graph = assert_equal_to_runtime(net.save(tmp_path, x))
    (op,) = (node.op for node in graph.nodes)
    assert isinstance(op, ConvTranspose2d)
    assert op.pads == cut


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_same_padding_of_a_dilated_pool_has_two_meanings(
    tmp_path: Path, op: str, mode: str
) -> None:
    """ONNX Runtime pads as for a dense window; where nothing is dilated there is one meaning."""
    for kernel, refused in (([3, 3], True), ([1, 3], True), ([3, 1], False)):
        net = Net([1, 2, 7, 8], 19)
        x = net(op, "image", kernel_shape=kernel, dilations=[1, 2], auto_pad=mode)
        path = net.save(tmp_path, x)
        if refused:
            with pytest.raises(UnsupportedError, match="two meanings"):
                import_onnx(path)
        else:
            assert ops_of(assert_equal_to_runtime(path)) == [op]
