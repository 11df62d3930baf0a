"""The UART transport of firmware, seen from the host: text both ways (transport_uart.c)."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import IO

from mcucc.backends.process import started
from mcucc.errors import ToolError
from mcucc.toolchain.firmware import Firmware

TENSOR_BYTES = 32  # of an mcucc_tensor: eight words

_LINE_BYTES = 64


def uart_input(firmware: Firmware, images: Sequence[bytes], count: bool, index: int) -> bytes:
    """What the firmware is sent: the request, every input tensor as a hex block, the end."""
    sizes = input_sizes(firmware, index)
    blocks = [f"{'count' if count else 'run'} {index}\n"]
    for image in images:
        if len(image) != sum(sizes):
            raise ToolError(f"an image has {len(image)} bytes, the network takes {sum(sizes)}")
        block = ""
        start = 0
        for size in sizes:
            block += hex_block(image[start : start + size])
            start += size
        blocks.append(block * 2 if count else block)
    return "".join([*blocks, "E\n"]).encode("ascii")


def hex_block(data: bytes) -> str:
    """`I`, the bytes in hex, `:` and their CRC32."""
    lines = [data[at : at + _LINE_BYTES].hex() for at in range(0, len(data), _LINE_BYTES)]
    return "I" + "\n".join(lines) + f":{zlib.crc32(data):08x}\n"


def uart_output(text: str) -> bytes:
    """The output tensors of all images; ToolError when a block was damaged on its way."""
    output = b""
    for line in text.splitlines():
        if line.startswith("##data "):
            digits, _, check = line.removeprefix("##data ").strip().partition(":")
            try:
                data, crc = bytes.fromhex(digits), int(check, 16)
            except ValueError as error:
                raise ToolError("a damaged output block", where="uart") from error
            if zlib.crc32(data) != crc:
                raise ToolError("an output block with a wrong CRC32", where="uart")
            output += data
    return output


def input_sizes(firmware: Firmware, index: int) -> tuple[int, ...]:
    """Bytes of each input tensor of a model, read from its description in the image.

    mcucc_model and mcucc_tensor (mcucc.h) are 32-bit words on the target.
    """
    image = firmware.image
    model = image.symbols[f"{firmware.models[index].name}_model"]
    count, tensors = image.word(model + 12), image.word(model + 24)
    sizes = []
    for tensor in range(tensors, tensors + TENSOR_BYTES * count, TENSOR_BYTES):
        shape = (image.word(tensor + word) for word in (4, 8, 12))
        sizes.append(prod(shape) * image.word(tensor + 28))
    return tuple(sizes)


def exchange(
    command: Sequence[str], stream: bytes, timeout_s: float, folder: Path
) -> tuple[str, str]:
    """Starts a program, feeds its standard input and reads until the line `##exit`.

    Returns what it printed, and its errors when it ended by itself; the program is stopped.
    """
    lines: queue.Queue[bytes | None] = queue.Queue()
    errors = folder / "errors.txt"
    pipe = subprocess.PIPE
    with (
        errors.open("wb") as complaints,
        started(command, folder, stdin=pipe, stdout=pipe, stderr=complaints) as process,
    ):
        threading.Thread(target=_feed, args=(process.stdin, stream), daemon=True).start()
        threading.Thread(target=_collect, args=(process.stdout, lines), daemon=True).start()
        text, ended = read_until_exit(lines, timeout_s)
    return text, errors.read_text("utf-8", "replace")[-2000:] if ended else ""


def read_until_exit(lines: queue.Queue[bytes | None], timeout_s: float) -> tuple[str, bool]:
    """Lines up to `##exit` or the limit; True when the stream ended by itself before."""
    deadline = time.monotonic() + timeout_s
    text = ""
    while True:
        try:
            line = lines.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            return text, False
        if line is None:
            return text, True
        text += line.decode("utf-8", "replace")
        if line.startswith(b"##exit"):
            return text, False


def _feed(stream: IO[bytes], data: bytes) -> None:
    """Writes everything; the program may stop reading at any time."""
    with contextlib.suppress(OSError, ValueError):
        stream.write(data)
        stream.flush()


def _collect(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    """Reads lines until the end of the stream, which is None."""
    with contextlib.suppress(OSError, ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)
