"""The runtime's version: a name for every function of it that no other version has."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mcucc.version import __version__

ABI_HEADER = "include/mcucc/abi.h"
_FOLDERS = ("include", "kernels")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MACRO = re.compile(r"^#define (\w+)\(([\w, ]*)\)(.*)$", re.MULTILINE)
_CALL = re.compile(r"^ *(MCUCC_\w+)\(([\w, ]*)\)", re.MULTILINE)
_FUNCTION = re.compile(
    r"^ *(?!static\b|MCUCC_|return\b)\w+ [\w *]*?\b(mcucc_\w+)\([^{};]*;", re.MULTILINE
)


@dataclass(frozen=True)
class RuntimeAbi:
    """A runtime as generated C names it: `digest` is 8 hex digits of all its files' SHA-256."""

    version: str
    digest: str
    functions: tuple[str, ...]  # sorted; what a network or another kernel may call

    @property
    def suffix(self) -> str:
        """What each function's name ends with."""
        return f"_of_runtime_{re.sub(r'[^0-9A-Za-z]', '_', self.version)}_{self.digest}"

    def header(self) -> str:
        """The text of mcucc/abi.h beside a generated network."""
        lines = [f"#define {name} {name}{self.suffix}" for name in self.functions]
        return "\n".join(
            [
                f"/* Which runtime this is: mcucc {self.version}, files {self.digest}. Functions",
                " * carry it in their names: a network never calls those of another version. */",
                "#ifndef MCUCC_ABI_H",
                "#define MCUCC_ABI_H",
                "",
                f"#define MCUCC_RUNTIME_ABI 0x{self.digest}",
                "",
                *lines,
                "",
                "#endif",
                "",
            ]
        )


def declared(header: str) -> set[str]:
    """The functions that the text of a header declares, by macros too; not inline ones."""
    text = _COMMENT.sub("", header).replace("\\\n", " ")
    macros = {name: (words.split(", "), body) for name, words, body in _MACRO.findall(text)}
    found, pending = set[str](), [text]
    while pending:
        lines = re.sub(r"; +", ";\n", pending.pop())
        found.update(_FUNCTION.findall(lines))
        for name, given in _CALL.findall(lines):
            words, body = macros.get(name, ([], ""))
            for word, value in zip(words, re.split(r", *", given), strict=False):
                body = re.sub(rf"\b{word}\b", value, body)
            pending.append(re.sub(r" *## *", "", body).replace(") ", ")\n"))
    return found


@cache
def runtime_abi(root: Path) -> RuntimeAbi:
    """The runtime below `root` (runtime_c): any byte of a header or kernel makes it another."""
    found = (path for folder in _FOLDERS for path in (root / folder).rglob("*.[ch]"))
    files = {path.relative_to(root).as_posix(): path for path in found}
    digest, functions = hashlib.sha256(), set[str]()
    for name in sorted(files):
        text = files[name].read_text(encoding="ascii")
        digest.update(f"{name} {len(text)}\n{text}".encode("ascii"))
        if name.endswith(".h"):
            functions |= declared(text)
    return RuntimeAbi(__version__, digest.hexdigest()[:8], tuple(sorted(functions)))
