"""The families by name: a builder, the input, and how a network becomes an ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

Builder = Callable[[], nn.Module]
SEED = 0


@dataclass(frozen=True)
class Family:
    """A small network of a family. `shape` is (1, C, H, W); `opset` where the usual will not do."""

    name: str
    build: Builder
    shape: tuple[int, int, int, int]
    opset: int = 17


FAMILIES: dict[str, Family] = {}


def family(
    name: str, side: int, *, channels: int = 3, opset: int = 17
) -> Callable[[Builder], Builder]:
    """Decorator: registers what builds a network for square pictures of so many pixels a side."""

    def register(build: Builder) -> Builder:
        FAMILIES[name] = Family(name, build, (1, channels, side, side), opset)
        return build

    return register


def network(chosen: Family) -> nn.Module:
    """The network with seeded random weights, its batch norms settled on noise, for inference.

    A batch norm that never saw a value would hand on values of whatever size its layer makes.
    """
    torch.manual_seed(SEED)
    made = chosen.build()
    norms = [part for part in made.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain average of what it sees
        nn.init.uniform_(norm.weight, 0.7, 1.3)
        nn.init.uniform_(norm.bias, -0.2, 0.3)
        norm.train()
    with torch.no_grad():
        for _ in range(2 if norms else 0):
            made(torch.rand(4, *chosen.shape[1:]))
    return made.eval()


def export(chosen: Family, folder: Path) -> Path:
    """NAME.onnx in `folder`, and NAME.toml: how a picture becomes its input."""
    path = folder / f"{chosen.name}.onnx"
    write(network(chosen), chosen.shape, chosen.opset, path)
    colours = "gray" if chosen.shape[1] == 1 else "rgb"
    height, width = chosen.shape[2:]
    path.with_suffix(".toml").write_text(
        f'[preprocess]\nchannels = "{colours}"\nresize = [{height}, {width}]\nscale = {1 / 255}\n'
    )
    return path


def write(made: nn.Module, shape: tuple[int, int, int, int], opset: int, path: Path) -> None:
    """A network as ONNX."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            made,
            (torch.rand(shape),),
            str(path),
            dynamo=False,
            opset_version=opset,
            input_names=["image"],
        )
    logging.disable(logging.NOTSET)
