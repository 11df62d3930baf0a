"""Option values that need more than a type."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from mcucc.errors import McuccError

if TYPE_CHECKING:
    from mcucc.quantize.weight_choice import WeightChoice
    from mcucc.schedule.plan.row_outputs import RowOutputs


def choice(option: str, value: str, allowed: Collection[str]) -> str:
    """`value`, or an error that lists what is allowed."""
    if value not in allowed:
        raise McuccError(
            f"{value!r} is not allowed", where=option, hint=f"one of {', '.join(allowed)}"
        )
    return value


def parse_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """NAME=1,3,80,80 for each input."""
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            shape = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            raise McuccError(
                f"{text!r} is no shape", where="--input-shape", hint="write NAME=1,3,80,80"
            )
        shapes[name] = shape
    return shapes


def parse_weights(texts: Sequence[str]) -> WeightChoice:
    """int4 for every layer, LAYER=int4 for one; the last of a kind counts."""
    from mcucc.numerics.weights import GRIDS
    from mcucc.quantize.weight_choice import AUTO, WeightChoice

    default, layers = "int8", {}
    for text in texts:
        layer, equals, bits = text.rpartition("=")
        choice("--weights", bits, tuple(GRIDS) if equals else (*GRIDS, AUTO))
        if equals:
            layers[layer] = bits
        else:
            default = bits
    return WeightChoice(default, layers)


def parse_output(texts: Sequence[str]) -> RowOutputs:
    """rows for every output that can, NAME=rows for one, whole for none."""
    from mcucc.schedule.plan.row_outputs import RowOutputs

    every, names = False, dict[str, None]()
    for text in texts:
        name, equals, how = text.rpartition("=")
        choice("--output", how, ("rows",) if equals else ("rows", "whole"))
        if equals:
            names[name] = None
        else:
            every = how == "rows"
    return RowOutputs(every, tuple(names))


AUTO = "auto"  # of tensors that are chosen


def parse_precision(texts: Sequence[str]) -> dict[str, str]:
    """TENSOR=int16 for each tensor, the last of a tensor counts; `auto` names none."""
    found = {}
    for text in texts:
        if text == AUTO:
            continue
        tensor, equals, kind = text.rpartition("=")
        if not equals or not tensor:
            hint = "write TENSOR=int16, or auto"
            raise McuccError(f"{text!r} names no tensor", where="--precision", hint=hint)
        found[tensor] = choice("--precision", kind, ("int8", "int16"))
    return found


def parse_bytes(option: str, text: str) -> int:
    """A number of bytes: 400000, 400kB or 0.4MB (thousands), 400KiB (1024)."""
    units = {"kB": 1000, "MB": 10**6, "KiB": 1024, "MiB": 2**20, "": 1}
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?) ?(kB|MB|KiB|MiB|)", text)
    count = 0 if found is None else int(float(found[1]) * units[found[2]])
    if count < 1:
        raise McuccError(f"{text!r} is no size", where=option, hint="write 400000 or 400kB")
    return count


def stage_printer(
    wanted: str | None, *, json_output: bool = False
) -> Callable[[str, str], None] | None:
    """Prints the stages asked for; beside JSON they go to stderr."""
    from mcucc.driver.load import STAGES
    from mcucc.report.format import printable

    if wanted is None:
        return None
    choice("--print-after", wanted, ("all", *STAGES))

    stream = sys.stderr if json_output else sys.stdout

    def show(stage: str, text: str) -> None:
        if wanted in ("all", stage):
            print(printable(f"# after {stage}\n{text}"), file=stream)

    return show
