"""A .tflite file as plain data: what read.py has checked, and all that converters see of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.frontends.tflite.options import Options


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor of the file. `dtype` is None for a type NumPy has no name for (`type_name` has).

    `scale` is empty for a tensor without quantization; `zero_point` is then empty too. The data of
    an INT4 tensor is unpacked: int8 numbers. `foreign` says why the data, or what it means, is not
    in the fields read here ("" where it is): such a tensor must not be used.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    type_name: str
    dtype: np.dtype[Any] | None
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    sparse: bool
    variable: bool
    data: npt.NDArray[Any] | None
    foreign: str = ""


@dataclass(frozen=True)
class FileOperator:
    """An operator of the file; a missing optional input has index -1."""

    index: int
    kind: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options


@dataclass(frozen=True, eq=False)
class TfliteFile:
    """The only subgraph of a .tflite file."""

    path: Path
    sha256: str
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int
