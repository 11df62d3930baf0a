"""The compiler and the flags of what runs under sanitizers on this host."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

# -O0: the sanitizers see more and the compiler needs a third of the time.
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O0", "-g0")


@cache
def sanitizing() -> str | None:
    """The compiler of what runs under sanitizers: clang where it links with them, else the usual.

    It takes two fifths of gcc's time for generated C, and its sanitizers look at more.
    """
    clang = shutil.which("clang")
    if clang is None:
        return None
    linked = subprocess.run(
        [clang, *SANITIZED, "-x", "c", "-", "-o", os.devnull],
        input="int main(void) { return 0; }\n",
        text=True,
        capture_output=True,
        check=False,
    )
    return clang if linked.returncode == 0 else None
