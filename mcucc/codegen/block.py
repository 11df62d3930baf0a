"""A split block as C: the loop over groups of channels, and the parameters of every group."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.codegen.model_names import Field, Names
from mcucc.ir.kernel import BlockCall
from mcucc.schedule.split.block import SplitBlockKernel, SplitGroup


@dataclass(frozen=True)
class PartCode:
    """A kernel of a run of groups: `params` is an array with one entry a group."""

    what: str
    function: str
    params: str
    params_type: str
    entries: tuple[tuple[Field, ...], ...]


@dataclass(frozen=True)
class RunCode:
    """Groups that call the same functions: one loop."""

    parts: tuple[PartCode, ...]

    @property
    def groups(self) -> int:
        """How many."""
        return len(self.parts[0].entries)


@dataclass(frozen=True)
class BlockCode:
    """What the template prints of a block.

    `rows` and `columns` are stride, pad and extent of the window and the input's size; `taps` rows
    of distance `dilation` go to the depthwise convolution. Scratch is what the kernels need, from
    `expanded` on `slots` rows of `pitch` bytes, and from `filtered` on one row.
    """

    rows: tuple[int, int, int, int]
    columns: tuple[int, int, int, int]
    taps: int
    dilation: int
    expanded: int
    filtered: int
    slots: int
    pitch: int
    padding: str
    runs: tuple[RunCode, ...]

    @property
    def parts(self) -> tuple[PartCode, ...]:
        """All parts of all runs."""
        return tuple(part for run in self.runs for part in run.parts)


def block_code(
    names: Names, node: str, kernel: SplitBlockKernel, size: tuple[int, int]
) -> BlockCode:
    """The code of a block whose input has `size` rows and columns."""
    down, across = kernel.rows_window, kernel.columns_window
    padding = kernel.groups[0].depthwise.kernel.padding()
    pitch, window = kernel.expanded_columns * kernel.channels, kernel.depthwise.window
    numbered = list(enumerate(kernel.groups))
    runs = [list(run) for _, run in itertools.groupby(numbered, key=lambda item: _kind(item[1]))]
    return BlockCode(
        rows=(down.stride, down.pad, down.kernel, size[0]),
        columns=(across.stride, across.pad, across.kernel, size[1]),
        taps=window.kernel[0],
        dilation=window.dilation[0],
        expanded=kernel.kernel_scratch,
        filtered=kernel.kernel_scratch + kernel.expanded_bytes,
        slots=kernel.expanded_rows,
        pitch=pitch,
        padding="NULL" if padding is None else names.pad_row(padding, pitch),
        runs=tuple(_run(names, node, number, run) for number, run in enumerate(runs)),
    )


def _kind(group: SplitGroup) -> tuple[str, ...]:
    return tuple(call.function for call in group.calls)


def _run(names: Names, node: str, number: int, groups: Sequence[tuple[int, SplitGroup]]) -> RunCode:
    parts = []
    for at, (what, call) in enumerate(zip(BlockCall.STEPS, groups[0][1].calls, strict=True)):
        entries = tuple(
            names.fields(node, group.calls[at], f"{what}_{index}_") for index, group in groups
        )
        params = params_name(names, node, what, number)
        parts.append(PartCode(what, call.function, params, call.params, entries))
    return RunCode(tuple(parts))


def params_name(names: Names, node: str, what: str, run: int) -> str:
    """The array of parameters of a kernel of a run of groups."""
    return names.of_node(node, f"{{}}_{what}_{run}_params")
