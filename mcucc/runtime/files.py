"""Which files of the C runtime a network needs: its kernels, and what they include."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mcucc.runtime.abi import ABI_HEADER, runtime_abi

_INCLUDE = re.compile(r'^#include "(mcucc/[a-z0-9_]+\.h)"', re.MULTILINE)
_ALWAYS = tuple(
    f"include/mcucc/{name}.h" for name in ("compiler", "lines", "mcucc", "rows", "slow")
)


def runtime_files(root: Path, kernels: Sequence[str]) -> dict[str, str]:
    """The files that `kernels` (.c files below `root`, runtime_c) need, `runtime/` path to text.

    A header brings the .c file of its name along where one of the kernels' ISAs has it; abi.h is
    the one that names this version of the runtime.
    """
    pending = [*kernels, *_ALWAYS]
    isas = sorted({source.split("/")[1] for source in kernels})
    files: dict[str, str] = {}
    while pending:
        path = pending.pop()
        if f"runtime/{path}" in files:
            continue
        made = path == ABI_HEADER
        text = runtime_abi(root).header() if made else (root / path).read_text(encoding="ascii")
        files[f"runtime/{path}"] = text
        for header in _INCLUDE.findall(text):
            pending.append(f"include/{header}")
            units = [f"kernels/{isa}/{Path(header).stem}.c" for isa in isas]
            pending += [unit for unit in units if (root / unit).is_file()]
    return files
