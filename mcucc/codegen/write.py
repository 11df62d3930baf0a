"""Print a ModelCode through the templates and lay out the C library of a model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mcucc.base.package_data import resource_dir
from mcucc.base.templates import code_templates
from mcucc.codegen.layout import folded
from mcucc.codegen.model import ModelCode
from mcucc.runtime.abi import runtime_abi
from mcucc.runtime.files import runtime_files


def model_sources(code: ModelCode, kernels: Iterable[str]) -> dict[str, str]:
    """The generated files of a model, name to text; `kernels` are the runtime's .c files."""
    templates = code_templates()
    files = {
        f"{code.name}.h": "model/model.h.j2",
        f"{code.name}.c": "model/model.c.j2",
        f"{code.name}_model.c": "model/model_data.c.j2",
        f"{code.name}_weights.h": "model/weights.h.j2",
        f"{code.name}_weights.c": "model/weights.c.j2",
        "CMakeLists.txt": "model/CMakeLists.txt.j2",
    }
    if code.has_constants:
        files |= {
            f"{code.name}_constants.h": "model/constants.h.j2",
            f"{code.name}_constants.c": "model/constants.c.j2",
        }
    if code.answers:
        files[f"{code.name}_answers.c"] = "model/answers.c.j2"
    if code.name_tables:
        files[f"{code.name}_names.c"] = "model/names.c.j2"
    abi = runtime_abi(resource_dir("runtime_c"))
    context = {"m": code, "kernels": sorted(kernels), "runtime": abi}
    texts = {name: templates.get_template(path).render(context) for name, path in files.items()}
    return {name: folded(text) if name.endswith(".c") else text for name, text in texts.items()}


def library_sources(code: ModelCode) -> dict[str, str]:
    """The C library of a model: path below its folder to text."""
    runtime = runtime_files(resource_dir("runtime_c"), code.sources)
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
