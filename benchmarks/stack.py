"""How deep the stack of every kernel goes, on every core and optimisation level: `stack.json`.

    python -m benchmarks.stack [--core CORE]...

Nothing runs: every kernel is compiled as firmware compiles it, and the listing of its object says
what each function pushes (gcc's own figure where that is larger) and what it calls. A function
that is called through a pointer is one whose address is taken on the way to it. The deepest path
from a kernel on is its stack; what it calls of the C library counts `LIBRARY` bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.firmware import roomy
from mcucc.backends.calls.build import RUNTIME, kernel_sources
from mcucc.driver.target import target_of
from mcucc.kernels.catalogue import kernels_of
from mcucc.kernels.select import isas_of
from mcucc.kernels.stack import LEVELS, TABLE
from mcucc.toolchain.compilers import compile_objects
from mcucc.toolchain.firmware import OPTIMIZE, cross_compiler, library_flags

CORES = (
    *("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"),
    "rv32imc",
)
LIBRARY = 40  # memcpy, memset, memmove and the division of 64 bits, of newlib
PARTS = ("", "_begin", "_row", "_finish")  # functions of a kernel: a sink has three
REGISTERS = {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}


@dataclass
class Function:
    """What a listing says of one: bytes it pushes, what it calls, addresses it takes."""

    frame: int = 0
    calls: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    by_pointer: bool = False


def registers(words: str) -> int:
    """How many a list in braces names."""

    def number(name: str) -> int:
        return REGISTERS[name] if name in REGISTERS else int(name[1:])

    count = 0
    for part in words.split(","):
        first, _, last = part.strip().partition("-")
        count += number(last) - number(first) + 1 if last else 1
    return count


def pushed(op: str, words: str) -> int:
    """Bytes that an instruction takes off the stack pointer."""
    if op.startswith("push") or (op.startswith("stmdb") and "sp!" in words):
        return 4 * registers(words[words.index("{") + 1 : words.index("}")])
    if op.startswith("vpush"):
        listed = words[words.index("{") + 1 : words.index("}")]
        return registers(listed) * (8 if listed.startswith("d") else 4)
    for pattern in (r"^sp,(?: sp,)? #(\d+)", r"\[sp, #-(\d+)\]!"):
        if op.startswith(("sub", "str")) and (found := re.search(pattern, words)):
            return int(found[1])
    if op in ("addi", "add") and (found := re.search(r"^sp,sp,-(\d+)", words)):
        return int(found[1])
    return 0


def indirect(op: str, words: str) -> bool:
    """Whether it calls, or goes on in, what a register points at."""
    if op in ("blx", "bx"):
        return "<" not in words and words.strip() != "lr"
    return op in ("jalr", "jr") and words.strip() not in ("ra", "t1")


def functions_of(listing: str, usage: Mapping[str, int]) -> dict[str, Function]:
    """The functions of an object, by `objdump -dr` and gcc's frame sizes."""
    found: dict[str, Function] = {}
    name, now = "", Function()
    for line in listing.splitlines():
        if head := re.match(r"[0-9a-f]+ <([^$.].*)>:$", line):
            name = head[1]
            now = found[name] = Function(0)
        elif symbol := re.match(r"\s+[0-9a-f]+: (R_\w+)\s+(\S+)", line):
            target = re.split(r"[+-]0x", symbol[2])[0]
            called = re.search(r"CALL|JUMP|JAL", symbol[1])
            (now.calls if called else now.addresses).add(target)
        elif code := re.match(r"\s+[0-9a-f]+:\s+(\S+)\s*(.*)", line):
            op, words = code[1], code[2]
            now.frame += pushed(op, words)
            now.by_pointer |= indirect(op, words)
            local = re.search(r"<([^>+]+)>", words)
            if local and op.split(".")[0] in ("b", "bl", "j", "jal", "call", "tail"):
                now.calls.add(local[1])
    for name, function in found.items():
        function.calls.discard(name)
        function.frame = max(function.frame, usage.get(name, 0))
    return found


class Depths:
    """The deepest path from a function on, over objects that call each other."""

    def __init__(self, objects: Iterable[dict[str, Function]]) -> None:
        self.objects = list(objects)
        self.public = {name: table for table in self.objects for name in table}
        self.known: dict[tuple[int, str, int], int] = {}

    def of(self, name: str) -> int:
        """Bytes of stack of a function, what it calls included."""
        return self._of(name, self.public[name], 0)

    def _of(self, name: str, near: dict[str, Function], pointed: int) -> int:
        """`near` is the object of the caller, `pointed` the deepest of what a pointer may name."""
        table = near if name in near else self.public.get(name)
        if table is None:
            return LIBRARY
        key = id(table), name, pointed
        if key not in self.known:
            self.known[key] = -1  # a call of itself would be met again
            function = table[name]
            inside = [self._of(each, table, 0) for each in self._functions(function, table)]
            handed = max(pointed, *inside) if inside else pointed
            below = [self._of(each, table, handed) for each in sorted(function.calls)]
            if function.by_pointer:
                below.append(handed)
            self.known[key] = function.frame + max(below, default=0)
        if self.known[key] < 0:
            raise ValueError(f"{name} calls itself")
        return self.known[key]

    def _functions(self, function: Function, table: dict[str, Function]) -> list[str]:
        taken = sorted(function.addresses)
        return [name for name in taken if name in table or name in self.public]


def measure(core: str, level: str) -> dict[str, int]:
    """Bytes of stack of every kernel of a core, by its key."""
    board = roomy(core)
    compiler, isas = cross_compiler(board, None), isas_of(target_of(board).isa)
    flags = [*library_flags(board, compiler, level), f"-I{RUNTIME / 'include'}"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        objects = compile_objects(compiler, kernel_sources(isas), flags, Path("kernels"), folder)
        tables = [table_of(folder / each, compiler.command[0]) for each in objects]
    depths = Depths(tables)
    return {
        kernel.text: max(
            depths.of(kernel.function + part)
            for part in PARTS
            if kernel.function + part in depths.public
        )
        for isa in isas
        for kernel in kernels_of(isa)
    }


def table_of(path: Path, compiler: str) -> dict[str, Function]:
    """The functions of an object file that gcc wrote with -fstack-usage."""
    objdump = re.sub(r"gcc$", "objdump", compiler)
    command = [objdump, "-dr", "--no-show-raw-insn", str(path)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    usage = {}
    for line in path.with_suffix(".su").read_text(encoding="utf-8").splitlines():
        where, size, *_ = line.split("\t")
        usage[where.rsplit(":", 1)[-1]] = int(size)
    return functions_of(listing, usage)


def main() -> None:
    """Write the table, or the rows of some cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", action="append", choices=CORES)
    options = parser.parse_args()
    for core in options.core or CORES:
        rows: dict[str, list[int]] = {}
        for level in LEVELS:
            for key, size in measure(core, OPTIMIZE[level]).items():
                rows.setdefault(key, []).append(size)
            print(core, level, len(rows), "kernels", flush=True)
        write(core, dict(sorted(rows.items())))


def write(core: str, rows: Mapping[str, list[int]]) -> None:
    """The table with the rows of a core, a line a kernel."""
    known = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}
    known[core] = rows
    cores = [
        f'"{name}": {{\n'
        + ",\n".join(f'"{key}": {json.dumps(sizes)}' for key, sizes in found.items())
        + "\n}"
        for name, found in sorted(known.items())
    ]
    TABLE.write_text("{\n" + ",\n".join(cores) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
