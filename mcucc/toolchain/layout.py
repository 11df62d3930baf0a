"""Where code, weights, static data, stack and arena lie in an emulated machine.

In a RAM that holds all three, from low to high: stack (growing down to the low end), static data,
arena (ending exactly at the high end). Both ends of the RAM are fenced, so that a stack that grows
too far and a write behind the arena fault at the first byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from mcucc.boards.board import Board, Memory
from mcucc.errors import FitError, ToolError
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.fence import GRANULE, Access, FenceRegion, spoken, whole_fence
from mcucc.toolchain.machines import Machine

ARENA_ALIGNMENT = 8
STACK_ALIGNMENT = 8
# Less stack than this is refused before anything runs.
LEAST_STACK_BYTES = 256


@dataclass(frozen=True)
class Sizes:
    """Bytes of the library in the linked image, and of the harness, which is not counted.

    `code` is instructions and the kernels' own tables (initial values of static data included),
    `weights` the constants of the models, `static` the library's .data and .bss.
    """

    code: int
    weights: int
    static: int
    arena: int
    harness_code: int
    harness_ram: int

    @property
    def flash(self) -> int:
        """Bytes of flash the library needs."""
        return self.code + self.weights


@dataclass(frozen=True)
class Layout:
    """Addresses in the emulated machine; the fence admits exactly `code` to `arena`.

    `data` and `arena` are the memories that hold static data and stack, and the arena; they are
    equal when the board has one RAM for both. So are `code` and `weights`.
    """

    code: Span
    weights: Span
    data: Span
    arena: Span
    stack_base: int
    stack_top: int
    data_address: int
    arena_address: int
    fence: tuple[FenceRegion, ...]

    @property
    def stack_bytes(self) -> int:
        """The room that the stack has."""
        return self.stack_top - self.stack_base

    @property
    def spans(self) -> tuple[Span, ...]:
        """The board's memories in the machine, each once."""
        return tuple(dict.fromkeys((self.code, self.weights, self.data, self.arena)))


def loose_layout(board: Board) -> Layout:
    """A layout to link with when sizes are not known yet: everything has room, no fence."""
    code, other_weights, data, arena = (Span(each << 28, 1 << 28) for each in (4, 5, 6, 7))
    weights = code if board.weights == board.code else other_weights
    return Layout(
        code, weights, data, arena, data.origin, data.origin, data.origin, arena.origin, ()
    )


def exact_layout(
    board: Board,
    machine: Machine,
    sizes: Sizes,
    static_alignment: int,
    ram_bytes: int | None = None,
) -> Layout:
    """The layout with the board's sizes, or with only `ram_bytes` of RAM in all.

    `ram_bytes` (rounded up to 32, the MPU's granule) is how a claimed SRAM total is proved: the
    fence then admits no byte more. With two RAMs the arena's then has exactly the arena's size.
    Raises FitError with the missing bytes when flash or RAM do not suffice.
    """
    _check_flash(board, sizes)
    code, weights = _flash(board, machine)
    data, arena = _ram(board, machine, sizes, ram_bytes)
    arena_address = arena.end - sizes.arena
    top = arena_address if arena == data else data.end
    data_address = (top - sizes.static) & -max(static_alignment, STACK_ALIGNMENT)
    stack_bytes = data_address - data.origin
    if (stack_bytes < LEAST_STACK_BYTES and ram_bytes is None) or stack_bytes < 0:
        raise _ram_error(board, sizes, ram_bytes)
    if arena_address < arena.origin:
        raise _ram_error(board, sizes, ram_bytes)
    fence = _fence(machine, code, weights, data, arena)
    return Layout(
        code,
        weights,
        data,
        arena,
        data.origin,
        data_address,
        data_address,
        arena_address,
        fence,
    )


def _ram(board: Board, machine: Machine, sizes: Sizes, ram_bytes: int | None) -> tuple[Span, Span]:
    """The RAMs of data and of the arena; equal when the board has one for both."""
    shared = board.data == board.arena
    if machine.real and ram_bytes is None:
        return machine.ram[0], machine.ram[-1]
    if ram_bytes is None:
        data_bytes, arena_bytes = board.data.size, board.arena.size
    else:
        total = _round_up(ram_bytes)
        arena_bytes = total if shared else _round_up(sizes.arena)
        data_bytes = total if shared else total - arena_bytes
        if data_bytes < 0:
            raise _ram_error(board, sizes, ram_bytes)
    if shared:
        window = machine.ram[0]
        if data_bytes > window.size:
            raise _too_large(board.data, machine, window)
        data = Span(window.origin, data_bytes)
        return data, data
    for first, second in permutations(machine.ram, 2):
        if data_bytes <= first.size and arena_bytes <= second.size:
            return Span(first.origin, data_bytes), Span(second.origin, arena_bytes)
    raise _too_large(board.arena, machine, max(machine.ram, key=lambda window: window.size))


def _flash(board: Board, machine: Machine) -> tuple[Span, Span]:
    """Windows for code and weights. A window may be smaller than the board's flash: what is in
    it is read only, and whether it fits the board is decided by its size, not by the fence."""
    memories = list(dict.fromkeys((board.code, board.weights)))
    windows = list(machine.flash)
    if len(windows) < len(memories):
        raise ToolError(f"{machine.name} has one flash window, {board.name} needs two")
    placed: dict[Memory, Span] = {}
    for index, memory in enumerate(memories):
        later = len(memories) - index - 1
        usable = windows[: len(windows) - later]
        window = next((each for each in usable if each.size >= memory.size), usable[-1])
        windows.remove(window)
        placed[memory] = Span(window.origin, min(memory.size, window.size))
    return placed[board.code], placed[board.weights]


def _check_flash(board: Board, sizes: Sizes) -> None:
    """FitError when code or weights exceed their memories."""
    needs = {board.code: sizes.code}
    needs[board.weights] = needs.get(board.weights, 0) + sizes.weights
    for memory, needed in needs.items():
        if needed > memory.size:
            raise FitError(
                f"{memory.name} is too small: {needed} bytes needed, {memory.size} there, "
                f"{needed - memory.size} missing (code {sizes.code}, weights {sizes.weights})",
                where=board.name,
                hint="a board with more flash, or a smaller network",
            )


def _ram_error(board: Board, sizes: Sizes, ram_bytes: int | None) -> FitError:
    """What is missing, and what takes how much."""
    shared = board.data == board.arena
    if ram_bytes is None and not shared and sizes.arena > board.arena.size:
        needed, there, name = sizes.arena, board.arena.size, board.arena.name
    elif ram_bytes is None and not shared:
        needed, there = sizes.static + LEAST_STACK_BYTES, board.data.size
        name = board.data.name
    else:
        least = LEAST_STACK_BYTES if ram_bytes is None else 0
        needed = sizes.arena + sizes.static + least
        there = board.data.size if ram_bytes is None else ram_bytes
        name = board.data.name
    return FitError(
        f"{name} is too small: {needed} bytes needed, {there} there, {needed - there} missing "
        f"(arena {sizes.arena}, static {sizes.static}, stack at least {LEAST_STACK_BYTES})",
        where=board.name,
        hint="a board with more RAM, or a plan with a smaller arena",
    )


def _too_large(memory: Memory, machine: Machine, window: Span) -> ToolError:
    return ToolError(
        f"{machine.name} cannot emulate {memory.name} of {memory.size} bytes: "
        f"it offers {window.size}"
    )


def _fence(
    machine: Machine, code: Span, weights: Span, data: Span, arena: Span
) -> tuple[FenceRegion, ...]:
    """Every region of the fence, spoken where they fit; ToolError for more than there are."""
    wanted: Sequence[tuple[Span, Access]] = (
        (machine.harness_code, Access.CODE),
        (machine.harness_ram, Access.DATA),
        (machine.peripherals, Access.DEVICE),
        *((span, Access.CODE) for span in dict.fromkeys((code, weights))),
        *((span, Access.DATA) for span in dict.fromkeys((data, arena))),
    )
    if machine.real:
        return machine.fence
    regions = whole_fence(wanted, machine.protection)
    said = spoken(regions, machine.protection)
    if machine.spoken_fence and len(said) <= machine.regions:
        return said
    if len(regions) > machine.regions:
        raise ToolError(
            f"the fence needs {len(regions)} regions, {machine.name} has {machine.regions}",
            hint="a RAM size that is a multiple of a larger power of two needs fewer",
        )
    return regions


def _round_up(count: int) -> int:
    return -(-count // GRANULE) * GRANULE
