"""Print a ModelCode through the templates and lay out the C library of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mcucc.base.package_data import resource_dir
from mcucc.codegen.abi import ABI_HEADER, runtime_abi
from mcucc.codegen.model import ModelCode
from mcucc.codegen.templates import environment

INCLUDE = re.compile(r'^#include "(mcucc/[a-z0-9_]+\.h)"', re.MULTILINE)


def model_sources(code: ModelCode, kernels: Iterable[str]) -> dict[str, str]:
    """The generated files of a model, name to text; `kernels` are the runtime's .c files."""
    templates = environment()
    files = {
        f"{code.name}.h": "model/model.h.j2",
        f"{code.name}.c": "model/model.c.j2",
        f"{code.name}_model.c": "model/model_data.c.j2",
        f"{code.name}_weights.h": "model/weights.h.j2",
        f"{code.name}_weights.c": "model/weights.c.j2",
        "CMakeLists.txt": "model/CMakeLists.txt.j2",
    }
    abi = runtime_abi(resource_dir("runtime_c"))
    context = {"m": code, "kernels": sorted(kernels), "runtime": abi}
    return {name: templates.get_template(path).render(context) for name, path in files.items()}


def runtime_sources(code: ModelCode) -> dict[str, str]:
    """The runtime files a model needs, path below its folder to text.

    A header brings the .c file of its name along where one of the model's ISAs has it; abi.h is
    the one that names this version of the runtime.
    """
    root = resource_dir("runtime_c")
    isas = sorted({source.split("/")[1] for source in code.sources})
    pending = [*code.sources, *(f"include/mcucc/{n}.h" for n in ("compiler", "mcucc", "rows"))]
    files: dict[str, str] = {}
    while pending:
        path = pending.pop()
        if f"runtime/{path}" in files:
            continue
        made = path == ABI_HEADER
        text = runtime_abi(root).header() if made else (root / path).read_text(encoding="ascii")
        files[f"runtime/{path}"] = text
        for header in INCLUDE.findall(text):
            pending.append(f"include/{header}")
            units = [f"kernels/{isa}/{Path(header).stem}.c" for isa in isas]
            pending += [unit for unit in units if (root / unit).is_file()]
    return files


def library_sources(code: ModelCode) -> dict[str, str]:
    """The C library of a model: path below its folder to text."""
    runtime = runtime_sources(code)
    kernels = [name for name in runtime if name.endswith(".c")]
    return {**model_sources(code, kernels), **runtime}


def write_library(code: ModelCode, folder: Path) -> tuple[Path, ...]:
    """Write the C library of a model into `folder`; returns its .c files."""
    sources = library_sources(code)
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii", newline="\n")
    return tuple(folder / name for name in sorted(sources) if name.endswith(".c"))
