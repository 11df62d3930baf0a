"""Constants of a .tflite file where an operator wants an activation."""

from __future__ import annotations

import numpy as np

from mcucc.frontends.tflite.context import Context, check_int8, per_tensor
from mcucc.frontends.tflite.file import FileTensor
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Tensor
from mcucc.ops.constant import MOST_VALUES, Constant

Shape = tuple[int, ...]


def beside(
    ctx: Context, tensor: FileTensor, x: Tensor, stretched: Shape, stored: Shape | None = None
) -> Tensor:
    """The constant, repeated to the shape `stretched`, as an activation made with the rows of x.

    `stored`: its shape in the graph, else that which the file's shape has there. The integers, the
    scale and the zero point are those of the file.
    """
    check_int8(tensor)
    quant, values = per_tensor(tensor), ctx.constants[tensor.index]
    size = int(np.prod(stretched))
    if not 0 < size <= MOST_VALUES:
        raise UnsupportedNode(f"a constant operand of {size:,} elements")
    integers = np.broadcast_to(values, stretched).astype(np.int64)
    shape = ctx.shape_of(tensor) if stored is None else stored
    real = (integers - quant.zero_point) * quant.per_tensor_scale
    made = ctx.between(f"{tensor.name}_operand", x, shape, quant)
    ctx.emit(Constant.of(real, shape), [x.name], made)
    return made
