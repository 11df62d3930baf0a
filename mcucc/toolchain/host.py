"""Builds networks for the host: a shared object for ctypes, a program for the sanitizers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcucc.base.package_data import resource_dir
from mcucc.toolchain.compilers import WARNINGS, compile_objects, host_compiler, run_tool
from mcucc.toolchain.firmware import ModelUnit, include_folders

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")


def build_shared(
    models: Sequence[ModelUnit],
    kernels: Sequence[Path],
    folder: Path,
    *,
    include: Sequence[Path] = (),
    flags: Sequence[str] = ("-O2",),
    compiler: str | None = None,
) -> Path:
    """Builds `folder`/host.so, which exports every `<name>_model`. Raises ToolError."""
    return _build(models, kernels, folder, include, [*flags, "-fPIC"], ["-shared"], compiler)


def build_program(
    model: ModelUnit,
    kernels: Sequence[Path],
    folder: Path,
    *,
    include: Sequence[Path] = (),
    flags: Sequence[str] = SANITIZERS,
    compiler: str | None = None,
) -> Path:
    """Builds `folder`/host: reads images from one file, writes outputs to another.

    By default with ASan and UBSan; the arena is a heap block, so that a byte too many stops it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    choice = folder / "host_model.c"
    choice.write_text(
        "#include <mcucc/mcucc.h>\n"
        f"extern const mcucc_model {model.name}_model;\n"
        "extern const mcucc_model *const mcucc_host_model;\n"
        f"const mcucc_model *const mcucc_host_model = &{model.name}_model;\n",
        encoding="utf-8",
    )
    extra = [resource_dir("runtime_c") / "firmware" / "host_main.c", choice]
    sources = [*kernels, *extra]
    return _build([model], sources, folder, include, list(flags), list(flags), compiler)


def _build(
    models: Sequence[ModelUnit],
    kernels: Sequence[Path],
    folder: Path,
    include: Sequence[Path],
    flags: Sequence[str],
    linking: Sequence[str],
    path: str | None,
) -> Path:
    compiler = host_compiler(path)
    folder.mkdir(parents=True, exist_ok=True)
    sources = [source for model in models for source in model.sources]
    folders = dict.fromkeys([*include, *include_folders(models)])
    includes = [f"-I{each.resolve()}" for each in folders]
    options = ["-std=c99", *WARNINGS, *includes, *flags]
    objects = compile_objects(compiler, [*sources, *kernels], options, Path("host_objects"), folder)
    target = "host.so" if "-shared" in linking else "host"
    words = [str(each) for each in objects]
    run_tool(
        [*compiler.command, *linking, *words, "-o", target], what="linking for the host", cwd=folder
    )
    return folder / target
