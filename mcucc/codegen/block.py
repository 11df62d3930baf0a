"""A BLOCK as C: the loop over groups of channels, and the parameters of every group."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.codegen.constants import BufferCode, Constants
from mcucc.codegen.model_names import Field, Names
from mcucc.ir.integer import Activation, IntegerNode
from mcucc.ir.kernel import BlockCall, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT8

Group = tuple[KernelCall, ...]  # of a group of channels, in the order of BlockCall.STEPS


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
    """Groups that call the same functions: one loop, behind `before` groups of other runs."""

    parts: tuple[PartCode, ...]
    before: int = 0

    def behind(self, group: str) -> str:
        """C expression of the group of this run, of that among all groups."""
        return f"{group} - {self.before}" if self.before else group

    @property
    def groups(self) -> int:
        """How many."""
        return len(self.parts[0].entries)


@dataclass(frozen=True)
class GroupsCode:
    """What the template prints of a block.

    `rows` and `columns` are the windows and `height` and `width` the size of the input. The rows of
    a group are expanded into `expanded`, and one at a time filtered into `filtered`: both are parts
    of its scratch, behind what the kernels need. The depthwise convolution reads `taps` rows.
    """

    rows: Window
    columns: Window
    height: int
    width: int
    expanded: BufferCode
    filtered: BufferCode
    dilation: int
    taps: int
    padding: str
    runs: tuple[RunCode, ...]

    @property
    def parts(self) -> tuple[PartCode, ...]:
        """All parts of all runs."""
        return tuple(part for run in self.runs for part in run.parts)


def groups_code(
    names: Names,
    constants: Constants,
    node: IntegerNode,
    block: BlockCall,
    x: Activation,
    scratch: BufferCode,
) -> GroupsCode:
    """The code of a block that reads `x`."""
    rows, columns = node.kernel.windows(0)
    numbered = list(enumerate(block.groups))
    runs = [list(run) for _, run in itertools.groupby(numbered, key=lambda item: _kind(item[1]))]
    expanded = BufferCode(
        names.of_node(node.name, "{}_expanded"),
        scratch.offset + block.expanded,
        block.slots,
        x.height,
        block.pitch,
        block.channels,
    )
    filtered = BufferCode(names.of_node(node.name, "{}_filtered"), scratch.offset + block.filtered)
    padding = block.padding
    return GroupsCode(
        rows=rows,
        columns=columns,
        height=x.height,
        width=x.width,
        expanded=constants.declare(expanded),
        filtered=constants.declare(filtered),
        dilation=block.dilation,
        taps=block.taps,
        padding="NULL" if padding is None else names.pad_row(padding, INT8, block.pitch),
        runs=tuple(_run(names, node.name, number, run) for number, run in enumerate(runs)),
    )


def _kind(group: Group) -> tuple[KernelId, ...]:
    return tuple(call.id for call in group)


def _run(names: Names, node: str, number: int, groups: Sequence[tuple[int, Group]]) -> RunCode:
    parts = []
    for at, (what, call) in enumerate(zip(BlockCall.STEPS, groups[0][1], strict=True)):
        entries = tuple(
            names.fields(node, group[at], f"{what}_{index}_") for index, group in groups
        )
        params = params_name(names, node, what, number)
        parts.append(PartCode(what, call.function, params, call.params, entries))
    return RunCode(tuple(parts), groups[0][0])


def params_name(names: Names, node: str, what: str, run: int) -> str:
    """The array of parameters of a kernel of a run of groups."""
    return names.of_node(node, f"{{}}_{what}_{run}_params")
