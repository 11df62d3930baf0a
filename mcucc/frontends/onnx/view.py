"""Layout algebra: how the axes of a value in the model file lie in a stored tensor.

A stored tensor is a row of *atoms*: factors above 1 of its shape, outermost first. A `View` says
which atoms make up each axis of the model's value. Transpose, Reshape, Flatten, Squeeze and
Unsqueeze only change the view; data moves when an op needs an order that the tensor has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, permutations
from math import prod

import numpy as np
import numpy.typing as npt

Axis = tuple[int, ...]
NHWC = (0, 2, 3, 1)
MOST_PERMUTED_AXES = 6


@dataclass(frozen=True)
class View:
    """A value of the model file, held by the stored tensor `tensor`.

    `atoms` are sizes above 1 in storage order; `axes` has the atoms of each axis, outermost first.
    Every atom belongs to exactly one axis; an axis of length 1 has none.
    """

    tensor: str
    atoms: tuple[int, ...]
    axes: tuple[Axis, ...]

    @staticmethod
    def stored(tensor: str, shape: Sequence[int], permutation: Sequence[int]) -> View:
        """A value of this shape stored as value.transpose(permutation)."""
        axes: list[Axis] = [()] * len(shape)
        atoms: list[int] = []
        for axis in permutation:
            if shape[axis] > 1:
                axes[axis] = (len(atoms),)
                atoms.append(shape[axis])
        return View(tensor, tuple(atoms), tuple(axes))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value as the model file knows it."""
        return tuple(prod(self.atoms[i] for i in axis) for axis in self.axes)

    @property
    def flat(self) -> Axis:
        """All atoms in the model's order."""
        return tuple(atom for axis in self.axes for atom in axis)

    @property
    def in_order(self) -> bool:
        """Whether the model's row-major order is the storage order."""
        return self.flat == tuple(range(len(self.atoms)))

    def size_of(self, atoms: Sequence[int]) -> int:
        """The product of these atoms."""
        return prod(self.atoms[i] for i in atoms)

    def matches(self, permutation: Sequence[int]) -> bool:
        """Whether the storage is value.transpose(permutation)."""
        return self.transposed(permutation).in_order

    def permutation(self, preferred: Sequence[int] = ()) -> tuple[int, ...] | None:
        """p with storage = value.transpose(p), or None; several fit where axes have length 1."""
        rank = len(self.axes)
        if len(preferred) == rank and self.matches(preferred):
            return tuple(preferred)
        if rank > MOST_PERMUTED_AXES:
            return tuple(range(rank)) if self.in_order else None
        return next((p for p in permutations(range(rank)) if self.matches(p)), None)

    def transposed(self, permutation: Sequence[int]) -> View:
        """The view of value.transpose(permutation)."""
        return replace(self, axes=tuple(self.axes[axis] for axis in permutation))

    def expanded(self, rank: int) -> View:
        """The view with axes of length 1 in front, up to `rank` (NumPy's broadcasting)."""
        return replace(self, axes=((),) * (rank - len(self.axes)) + self.axes)

    def canonical(self) -> View:
        """Neighbouring atoms of one axis merged: equal layouts become equal views."""
        inner = {pair for axis in self.axes for pair in pairwise(axis)}
        runs: list[list[int]] = []
        for atom in range(len(self.atoms)):
            if runs and (atom - 1, atom) in inner:
                runs[-1].append(atom)
            else:
                runs.append([atom])
        number = {run[0]: i for i, run in enumerate(runs)}
        axes = tuple(tuple(number[a] for a in axis if a in number) for axis in self.axes)
        return View(self.tensor, tuple(self.size_of(run) for run in runs), axes)

    def same_layout(self, other: View) -> bool:
        """Whether both values are stored in the same order."""
        a, b = self.canonical(), other.canonical()
        return (a.atoms, a.axes) == (b.atoms, b.axes)

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The view under another shape of the same size; None when data would have to move."""
        runs = self._runs()
        pieces: list[list[tuple[int, int]]] = [[] for _ in runs]  # (size, axis) by run
        order: list[list[tuple[int, int]]] = []  # (run, piece) by axis
        index, left = 0, 0
        sizes = [self.size_of(run) for run in runs]
        for axis, length in enumerate(shape):
            order.append([])
            missing = length
            while missing > 1:
                if left == 0:
                    left = sizes[index]
                    index += 1
                step = min(left, missing)
                if left % step or missing % step:
                    return None
                run = index - 1
                order[axis].append((run, len(pieces[run])))
                pieces[run].append((step, axis))
                left //= step
                left = 0 if left == 1 else left
                missing //= step
        return self._from_pieces(runs, pieces, order)

    def _runs(self) -> list[list[int]]:
        """The model's flat order as maximal runs of atoms that are neighbours in storage."""
        runs: list[list[int]] = []
        for atom in self.flat:
            if runs and runs[-1][-1] + 1 == atom:
                runs[-1].append(atom)
            else:
                runs.append([atom])
        return runs

    def _from_pieces(
        self,
        runs: list[list[int]],
        pieces: list[list[tuple[int, int]]],
        order: list[list[tuple[int, int]]],
    ) -> View:
        atoms: list[int] = []
        number: dict[tuple[int, int], int] = {}
        for run in sorted(range(len(runs)), key=lambda i: runs[i][0]):
            for piece, (size, _) in enumerate(pieces[run]):
                number[run, piece] = len(atoms)
                atoms.append(size)
        axes = tuple(tuple(number[key] for key in axis) for axis in order)
        return View(self.tensor, tuple(atoms), axes).canonical()

    def to_storage(self, array: npt.NDArray[np.generic], axis: int) -> npt.NDArray[np.generic]:
        """Reorder the last axis of `array`, indexed like `axis` of the value, as it is stored."""
        atoms = self.axes[axis]
        split = array.reshape(*array.shape[:-1], *(self.atoms[i] for i in atoms))
        lead = array.ndim - 1
        order = sorted(range(len(atoms)), key=lambda i: atoms[i])
        moved = split.transpose(*range(lead), *(lead + i for i in order))
        return moved.reshape(array.shape)

    def constant_in_storage(self, array: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A constant of the value's shape (or broadcast to it) in storage order, by atom."""
        full = np.broadcast_to(array, self.shape)
        split = full.reshape(tuple(self.atoms[i] for i in self.flat))
        return split.transpose(np.argsort(np.array(self.flat, dtype=np.int64)))


def storage_shape(dims: Sequence[int]) -> tuple[int, ...]:
    """The IR shape of stored dimensions: batch 1 in front, at most three more."""
    if 2 <= len(dims) <= 4 and dims[0] == 1:
        return tuple(dims)
    core = list(dims)
    while core and core[0] == 1:
        core.pop(0)
    while len(core) > 3:
        core[:2] = [core[0] * core[1]]
    return (1, *core) if core else (1, 1)
