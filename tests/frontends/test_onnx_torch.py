"""Networks exported from torch by both of its exporters, against ONNX Runtime."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.frontends.onnx_nets import assert_equal_to_runtime, kinds

torch = pytest.importorskip("torch", reason="exporting needs torch")
pytest.importorskip("onnxscript", reason="torch's dynamo exporter needs onnxscript")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.zoo  # `.ci/run` installs torch before that ring


def _layer(c_in: int, c_out: int, k: int, act: Callable[[], Any] | None, **kw: Any) -> Any:
    layers = [nn.Conv2d(c_in, c_out, k, padding=k // 2, bias=False, **kw), nn.BatchNorm2d(c_out)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Excite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(channels, 4), nn.Linear(4, channels)

    def forward(self, x: Any) -> Any:
        s = F.relu(self.down(F.adaptive_avg_pool2d(x, 1).flatten(1)))
        return x * F.hardsigmoid(self.up(s))[:, :, None, None]


class MobileNet(nn.Module):
    """Inverted residuals with any activation, squeeze-and-excite where asked for."""

    def __init__(self, act: Callable[[], Any], excite: bool = False) -> None:
        super().__init__()
        self.stem = _layer(3, 8, 3, act, stride=2)
        middle = [Excite(16)] if excite else []
        self.body = nn.Sequential(
            _layer(8, 16, 1, act),
            _layer(16, 16, 5, act, groups=16),
            *middle,
            _layer(16, 8, 1, None),
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def forward(self, x: Any) -> Any:
        x = self.stem((x - 0.45) / 0.22)
        x = x + self.body(x)
        return self.head(x.mean([2, 3]))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 8, 3, padding=1)
        self.fc, self.norm, self.out = nn.Linear(8 * 25, 12), nn.BatchNorm1d(12), nn.Linear(12, 10)

    def forward(self, x: Any) -> Any:
        x = F.avg_pool2d(F.relu(self.a(x)), 2)
        x = F.max_pool2d(F.leaky_relu(self.b(x)), 3, 2, 1)
        x = x.view(x.size(0), -1)
        return F.softmax(self.out(F.relu(self.norm(self.fc(x)))), dim=1)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = _layer(3, 6, 3, nn.ReLU), _layer(6, 8, 3, nn.ReLU6, stride=2)
        self.out = nn.Conv2d(14, 2, 1)

    def forward(self, x: Any) -> Any:
        a = self.down(F.pad(x, (1, 1, 1, 1)))
        up = F.interpolate(self.deep(a), scale_factor=2, mode="nearest")
        return torch.sigmoid(self.out(torch.cat([up, a], 1)))


def _shuffle(x: Any) -> Any:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Shuffle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1, groups=2)

    def forward(self, x: Any) -> Any:
        x = _shuffle(self.b(_shuffle(self.a(x)))) + self.a(x)
        return F.adaptive_max_pool2d(x, 1).squeeze(3).squeeze(2)


class ShuffleUnit(nn.Module):
    """ShuffleNet v2: half of the channels pass by."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(_layer(4, 4, 1, nn.ReLU), _layer(4, 4, 3, None, groups=4))

    def forward(self, x: Any) -> Any:
        a, b = x.chunk(2, dim=1)
        x = _shuffle(torch.cat([a, self.branch(b)], dim=1))
        a, b = torch.split(x, 4, dim=1)
        return _shuffle(torch.cat([a, self.branch(b)], dim=1)).mean([2, 3])


class Detector(nn.Module):
    """Focus, a split block, a pyramid of pools, upsampling, boxes and scores by channel."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = _layer(12, 8, 3, nn.SiLU), _layer(4, 4, 3, nn.SiLU)
        self.join, self.down = _layer(12, 8, 1, nn.SiLU), _layer(8, 8, 3, nn.SiLU, stride=2)
        self.pool, self.head = nn.MaxPool2d(5, 1, 2), nn.Conv2d(24, 6, 1)

    def forward(self, x: Any) -> Any:
        corners = [x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)]
        parts = list(self.stem(torch.cat(corners, 1)).chunk(2, 1))
        x = self.join(torch.cat([*parts, self.inner(parts[-1])], 1))
        y = self.down(x)
        y = F.interpolate(torch.cat([y, self.pool(y)], 1), scale_factor=2.0, mode="nearest")
        y = self.head(torch.cat([y, x], 1))
        return torch.cat([y[:, :4], torch.sigmoid(y[:, 4:])], 1)


NETS: dict[str, tuple[Callable[[], Any], tuple[int, ...], set[str]]] = {
    "mobile_net_relu6": (lambda: MobileNet(nn.ReLU6), (1, 3, 14, 10), set()),
    "mobile_net_hard_swish": (lambda: MobileNet(nn.Hardswish, True), (1, 3, 14, 10), {"HardSwish"}),
    "mobile_net_silu": (lambda: MobileNet(nn.SiLU), (1, 3, 14, 10), {"Silu"}),
    "le_net": (LeNet, (1, 1, 24, 24), {"Softmax", "LeakyRelu"}),
    "u_net": (UNet, (1, 3, 10, 10), {"ResizeNearest", "Concat"}),
    "mobile_net_gelu": (lambda: MobileNet(nn.GELU), (1, 3, 14, 10), {"Gelu"}),
    "mobile_net_gelu_tanh": (lambda: MobileNet(lambda: nn.GELU("tanh")), (1, 3, 14, 10), {"Gelu"}),
    "mobile_net_mish": (lambda: MobileNet(nn.Mish), (1, 3, 14, 10), {"Mish"}),
    "mobile_net_elu": (lambda: MobileNet(nn.ELU), (1, 3, 14, 10), {"Elu"}),
    "shuffle_net": (Shuffle, (1, 3, 6, 6), {"GatherChannels"}),
    "shuffle_net_2": (ShuffleUnit, (1, 8, 6, 6), {"Slice", "Concat", "GatherChannels"}),
    "detector": (Detector, (1, 3, 16, 16), {"Slice", "Silu", "Concat", "ResizeNearest"}),
}


# The dynamo exporter writes opset 18 and later.
EXPORTS = [*((False, opset) for opset in (13, 17, 18, 20)), (True, 18), (True, 20)]


@pytest.mark.parametrize(("dynamo", "opset"), EXPORTS)
@pytest.mark.parametrize("net", NETS)
def test_exported_from_torch(tmp_path: Path, net: str, dynamo: bool, opset: int) -> None:
    make, shape, expected = NETS[net]
    torch.manual_seed(1)
    model = make()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    path = tmp_path / "net.onnx"
    dynamic: dict[str, Any] = {} if dynamo else {"dynamic_axes": {"image": {0: "n"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (torch.randn(shape),),
            str(path),
            input_names=["image"],
            output_names=["result"],
            opset_version=opset,
            dynamo=dynamo,
            **dynamic,
        )
    found = set(kinds(assert_equal_to_runtime(path)))
    assert expected <= found
    plain = {"Conv2d", "DepthwiseConv2d", "FullyConnected", "Add", "Mul", "GlobalAveragePool"}
    assert found <= plain | expected | {
        "MaxPool",
        "AveragePool",
        "HardSigmoid",
        "Sigmoid",
        "Reshape",
    }
