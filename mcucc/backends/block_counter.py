"""Counts executed instructions in unicorn from the blocks that it runs."""

from __future__ import annotations

import atexit
import ctypes
import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcucc.base.package_data import resource_dir
from mcucc.errors import ToolError
from mcucc.toolchain.compilers import host_compiler, run_tool
from mcucc.toolchain.elf import Segment

# A halfword from here on begins a 32-bit instruction (Armv7-M Architecture Reference, A5.1).
_WIDE = 0xE800


class _Span(ctypes.Structure):
    """mcucc_code_span of block_counter.c."""

    _fields_ = (
        ("origin", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("code", ctypes.c_char_p),
        ("known", ctypes.POINTER(ctypes.c_uint32)),
    )


class _Counter(ctypes.Structure):
    """mcucc_block_counter of block_counter.c."""

    _fields_ = (
        ("count", ctypes.c_uint64),
        ("span_count", ctypes.c_uint64),
        ("spans", ctypes.POINTER(_Span)),
    )


class BlockCounter:
    """Adds the instructions of every block when it begins.

    A block runs to its end: only branches, calls of the host and faults end one. Instructions that
    an IT block skips count as executed, as in QEMU. Reading the timer happens in the middle of a
    block, always of the same one, so that differences of readings are exact.

    With a host compiler the hook is a C function; without one it is Python and slow.
    """

    def __init__(self, engine: Any, segments: Sequence[Segment]) -> None:
        self._engine, self._segments = engine, segments
        self._sizes: dict[tuple[int, int], int] = {}
        self._native = _Counter()
        self._kept: tuple[object, ...] = ()

    @property
    def count(self) -> int:
        """Instructions so far."""
        return int(self._native.count)

    def start(self, native: bool = True) -> None:
        """Counts from now on."""
        kind = importlib.import_module("unicorn").UC_HOOK_BLOCK
        library = _native_hook() if native else None
        if library is None or not self._hook_native(library, kind):
            self._engine.hook_add(kind, self._block)

    def read_timer(self, _engine: object, _offset: int, _size: int, _data: object) -> int:
        """The timer's low 32 bits."""
        return self.count & 0xFFFFFFFF

    def _hook_native(self, library: ctypes.CDLL, kind: int) -> bool:
        """Hands unicorn the C function itself; False when its binding is another."""
        try:
            binding = importlib.import_module("unicorn.unicorn_py3.unicorn").uclib
            handle = self._engine._uch
        except (ImportError, AttributeError):
            return False
        known = [(ctypes.c_uint32 * (len(each.data) // 2 + 1))() for each in self._segments]
        spans = (_Span * len(known))(
            *(
                _Span(
                    segment.address,
                    len(segment.data),
                    segment.data,
                    ctypes.cast(table, ctypes.POINTER(ctypes.c_uint32)),
                )
                for segment, table in zip(self._segments, known, strict=True)
            )
        )
        self._native.span_count = len(spans)
        self._native.spans = ctypes.cast(spans, ctypes.POINTER(_Span))
        self._kept = (known, spans, library)
        hook = ctypes.c_size_t()
        function = ctypes.cast(library.mcucc_count_block, ctypes.c_void_p)
        user = ctypes.cast(ctypes.pointer(self._native), ctypes.c_void_p)
        begin, end = ctypes.c_uint64(1), ctypes.c_uint64(0)  # everywhere
        status = binding.uc_hook_add(handle, ctypes.byref(hook), kind, function, user, begin, end)
        return int(status) == 0

    def _block(self, engine: Any, address: int, size: int, _data: object) -> None:
        try:
            self._native.count += self._sizes[address, size]
        except KeyError:
            known = count_instructions(bytes(engine.mem_read(address, size)))
            self._sizes[address, size] = known
            self._native.count += known


def count_instructions(code: bytes) -> int:
    """Thumb instructions in straight code: two or four bytes each."""
    count = at = 0
    while at < len(code):
        at += 4 if int.from_bytes(code[at : at + 2], "little") >= _WIDE else 2
        count += 1
    return count


@cache
def _native_hook() -> ctypes.CDLL | None:
    """block_counter.c, compiled once a process; None without a host compiler."""
    folder = TemporaryDirectory(prefix="mcucc-counter-")
    atexit.register(folder.cleanup)
    source = resource_dir("runtime_c") / "firmware" / "block_counter.c"
    target = Path(folder.name) / "block_counter.so"
    try:
        compiler = host_compiler()
        command = [*compiler.command, "-O2", "-shared", "-fPIC", str(source), "-o", str(target)]
        run_tool(command, what=source.name)
        return ctypes.CDLL(str(target))
    except (ToolError, OSError):
        return None
