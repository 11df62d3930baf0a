"""Print a ModelCode through the templates and lay out the C library of a model."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2

from mcucc.codegen.model import ModelCode
from mcucc.resources import resource_dir

INCLUDE = re.compile(r'^#include "(mcucc/[a-z0-9_]+\.h)"', re.MULTILINE)


def environment() -> jinja2.Environment:
    """Jinja with the project's templates; an undefined name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def model_sources(code: ModelCode) -> dict[str, str]:
    """The generated files of a model, name to text."""
    templates = environment()
    files = {
        f"{code.name}.h": "model/model.h.j2",
        f"{code.name}.c": "model/model.c.j2",
        f"{code.name}_model.c": "model/model_data.c.j2",
        f"{code.name}_weights.h": "model/weights.h.j2",
        f"{code.name}_weights.c": "model/weights.c.j2",
        "CMakeLists.txt": "model/CMakeLists.txt.j2",
    }
    return {name: templates.get_template(path).render(m=code) for name, path in files.items()}


def runtime_sources(code: ModelCode) -> dict[str, str]:
    """The runtime files a model needs, path below its folder to text."""
    root = resource_dir("runtime_c")
    files: dict[str, str] = {}
    for unit in code.sources:
        path = f"kernels/portable/{unit}.c"
        files[f"runtime/{path}"] = (root / path).read_text()
    pending = [*files.values(), '#include "mcucc/mcucc.h"\n#include "mcucc/rows.h"\n']
    while pending:
        for header in INCLUDE.findall(pending.pop()):
            name = f"runtime/include/{header}"
            if name not in files:
                files[name] = (root / "include" / header).read_text()
                pending.append(files[name])
    return files


def write_library(code: ModelCode, folder: Path) -> tuple[Path, ...]:
    """Write the C library of a model into `folder`; returns its .c files."""
    sources = {**model_sources(code), **runtime_sources(code)}
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii", newline="\n")
    return tuple(folder / name for name in sorted(sources) if name.endswith(".c"))
