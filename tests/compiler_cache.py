"""Compilers of the tests behind ccache, where it is installed: the same C is compiled once.

Most of what tests compile is the C runtime, again and again: for every network, the same kernels
with the same flags. ccache knows an object by what goes into it (source, headers, flags, compiler),
so no test sees another object than it would have had.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

BUILD = Path(__file__).resolve().parents[1] / "build"
COMPILERS = ("gcc", "cc", "clang", "g++", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc")


def use_compiler_cache() -> None:
    """Puts links to ccache, named after the compilers that are there, in front of PATH."""
    ccache = shutil.which("ccache")
    links = BUILD / "ccache-links"
    if ccache is None or os.environ.get("CCACHE_DISABLE") or str(links) in os.environ["PATH"]:
        return
    links.mkdir(parents=True, exist_ok=True)
    for name in COMPILERS:
        link = links / name
        if shutil.which(name) is None:
            link.unlink(missing_ok=True)
        elif not link.is_symlink():
            _link(link, ccache)
    os.environ["PATH"] = f"{links}{os.pathsep}{os.environ['PATH']}"
    os.environ.setdefault("CCACHE_DIR", str(BUILD / "ccache"))
    os.environ.setdefault("CCACHE_MAXSIZE", "1G")
    # Tests write the same C into folders of their own: those must not tell objects apart.
    os.environ.setdefault("CCACHE_BASEDIR", tempfile.gettempdir())
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")


def _link(link: Path, target: str) -> None:
    """Made aside and moved there: other workers do the same."""
    made = link.with_name(f".{link.name}-{os.getpid()}")
    made.symlink_to(target)
    made.replace(link)
