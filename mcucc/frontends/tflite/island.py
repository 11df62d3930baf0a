"""What is known of a float tensor within an int8 file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from mcucc.frontends.tflite.file import FileTensor
from mcucc.frontends.tflite.strided_view import StridedView


@dataclass(frozen=True, eq=False)
class Island:
    """A float (or bool) tensor of the file: `values` of the bytes -128 .. 127 of one int8 tensor.

    `bytes` says where they lie, `tensor` whose they are.
    """

    tensor: FileTensor
    bytes: StridedView
    values: npt.NDArray[Any]  # (256,)
