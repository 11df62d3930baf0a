"""Images and outputs as the harness moves them: rows in the order of the network's program."""

from __future__ import annotations

from collections.abc import Iterator

from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Deliver, Program, Receive
from mcucc.schedule.plan.spans import Range


def as_asked(program: Program, image: bytes) -> bytes:
    """The bytes of an image as `firmware/main.c` reads them from its transport.

    That is the image itself, unless the program reads a mapped image by strips: then rows come as
    often as they are asked for.
    """
    mapped = program.plan.image is ImagePolicy.MAPPED
    if not mapped or all(len(stage.strips) == 1 for stage in program.stages):
        return image
    shapes = [program.graph.activations[name] for name in program.graph.inputs]
    begins = [sum(shape.size for shape in shapes[:i]) for i in range(len(shapes))]
    found = bytearray()
    for number, row in _asked(program):
        pitch = shapes[number].row_bytes
        begin = begins[number] + row * pitch
        found += image[begin : begin + pitch]
    return bytes(found).ljust(len(image), b"\0")  # the harness skips what nobody asks for


def in_order(program: Program, outputs: bytes) -> bytes:
    """The outputs of an image one after the other, from the bytes that `firmware/main.c` sends.

    It sends rows of outputs that leave as they come, then the outputs that stay.
    """
    leaving = program.plan.row_outputs
    if not leaving or len(program.graph.outputs) == 1:
        return outputs
    shapes = program.graph.activations
    found = {name: bytearray() for name in program.graph.outputs}
    at = 0
    for action, rows in _moved(program):
        if isinstance(action, Deliver):
            size = (rows[1] - rows[0]) * shapes[action.tensor].row_bytes
            found[action.tensor] += outputs[at : at + size]
            at += size
    for name in program.graph.outputs:
        if name not in leaving:
            found[name] += outputs[at : at + shapes[name].size]
            at += shapes[name].size
    return b"".join(found.values())


def _asked(program: Program) -> Iterator[tuple[int, int]]:
    """(number of the input, row) in the order of execution."""
    for action, rows in _moved(program):
        if isinstance(action, Receive):
            number = program.graph.inputs.index(action.tensor)
            yield from ((number, row) for row in range(*rows))


def _moved(program: Program) -> Iterator[tuple[Receive | Deliver, Range]]:
    """What comes and goes, with the rows, in the order of execution."""
    taken = [0] * len(program.stages)
    for chain in program.chains:
        for stage in chain.order:
            for _, action, rows, _ in program.stages[stage].performed(taken[stage]):
                if isinstance(action, Receive | Deliver):
                    yield action, rows
            taken[stage] += 1
