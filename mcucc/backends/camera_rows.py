"""Images as the harness's camera hands them over: rows in the order in which a network asks."""

from __future__ import annotations

from collections.abc import Iterator

from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program, Receive


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


def _asked(program: Program) -> Iterator[tuple[int, int]]:
    """(number of the input, row) in the order of execution."""
    taken = [0] * len(program.stages)
    for chain in program.chains:
        for stage in chain.order:
            for _, action, rows, _ in program.stages[stage].performed(taken[stage]):
                if isinstance(action, Receive):
                    number = program.graph.inputs.index(action.tensor)
                    yield from ((number, row) for row in range(*rows))
            taken[stage] += 1
