"""How deep the stack of every C kernel goes: one table, `stack.json`, looked up by its key.

Bytes by core and `--optimize`, from what gcc makes of the runtime's sources: written by
`python -m benchmarks.stack`, which is run again when a kernel is added or changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

from mcucc.ir.kernel_id import KernelId

LEVELS = ("speed", "balanced", "size")  # the order of a row
TABLE = Path(str(resources.files("mcucc.kernels"))) / "stack.json"
DEFAULT_CORE = "cortex-m4"  # whose stack a core has that was never measured: all kernels are there


@cache
def _table() -> Mapping[str, Mapping[str, list[int]]]:
    found: Mapping[str, Mapping[str, list[int]]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def kernel_stack(kernel: KernelId, core: str, optimize: str) -> int:
    """Bytes of stack of a kernel, with all that it calls.

    Packed weights take what bytes do where they have no row. Raises KeyError for a kernel that the
    table does not have.
    """
    rows = _table().get(core) or _table()[DEFAULT_CORE]
    sizes = rows.get(kernel.text) or rows[replace(kernel, bits=8).text]
    return sizes[LEVELS.index(optimize)]
