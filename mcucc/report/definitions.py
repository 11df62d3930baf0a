"""How every figure of a report was counted, in words: part of report.json and of every view."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counted:
    """A figure, and how it came about."""

    figure: str
    how: str


CAMERA_BUFFERS = "the camera's own buffers"
HANDED_OUT = "what takes the rows of outputs that are handed out"
NOT_COUNTED = (
    "the application around the network",
    "interrupt handlers' stack",
    CAMERA_BUFFERS,
)


def frame_bytes(counted_inputs: int) -> str:
    """What a run that is pushed or stepped takes beside the total: mcucc_frame and mcucc_band of
    mcucc/frame.h on a core of 32 bits, and the stack of their calls."""
    state = 44 + 20 * counted_inputs
    return f"where rows are pushed or a run is stepped: {state} bytes of state, 96 of stack"


_IMAGE = {
    "resident": "The whole image is in the arena, and counted.",
    "rows": "The camera hands over rows; those still needed are in the arena, and counted.",
    "mapped": "The image stays where the application has it, and is not counted; rows still needed "
    "are in the arena, and counted.",
}
_STACK = {
    "painted": "Stack: the RAM below it is filled with a pattern before the run; what is no longer "
    "the pattern afterwards was used.",
    "unknown": "Stack: not known and not counted, nothing was run.",
}
_NOT_RUN = (
    "Stack: nothing was emulated; the sum of the frames that gcc states for all functions of the "
    "library, an upper bound."
)


def counting(*, image: str, stack: str, emulator: str, compiler: str) -> tuple[Counted, ...]:
    """The explanations for a report with this image policy, stack source and tools."""
    emulated = emulator != "not emulated"
    return (
        Counted(
            "SRAM",
            "arena + the library's .data and .bss + worst-case stack. Sizes are those of sections "
            f"of the linked image ({compiler}). {_IMAGE[image]} {_STACK.get(stack, _NOT_RUN)}",
        ),
        Counted(
            "arena",
            "every activation, cache, image row, scratch byte and output, of an output that is "
            "handed out by rows those that a step completes, at offsets fixed when "
            "compiling. An independent checker replayed every access of the plan byte by byte.",
        ),
        Counted(
            "peak",
            "the most bytes of the arena that hold something still needed at one moment. The arena "
            "is larger by the gap, where buffers could not be packed without one.",
        ),
        Counted(
            "flash",
            "weights, what is stored with them (biases, factors, tables, names) and code of the "
            "library in the linked image; a layer's bytes are "
            "those of its symbols. Harness and start-up code are not part of it.",
        ),
        Counted(
            "MACs",
            "multiply-accumulates: those of the network computed once, and those the plan "
            "executes. F is their ratio; it is above 1 where a plan computes results again.",
        ),
        Counted(
            "instructions",
            f"executed by the board's core on {emulator} for one inference, with its outputs equal "
            "to the NumPy reference byte for byte. They are not cycles: waiting for flash and RAM "
            "is not modelled. A step's are counted with the steps run one by one."
            if emulated
            else "not counted: nothing was emulated.",
        ),
    )
