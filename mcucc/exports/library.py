"""What an export is made from, and the steps that all exports share."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcucc.base.templates import code_templates
from mcucc.codegen.model import ModelCode
from mcucc.codegen.write import library_sources
from mcucc.version import __version__

Files = dict[str, str]  # path below the export's folder to text


@dataclass(frozen=True)
class Library:
    """A generated C library. `sources` is path to text as `compile` lays it out."""

    code: ModelCode
    sources: Mapping[str, str]

    @property
    def name(self) -> str:
        """The prefix of the C names, which is the library's name everywhere."""
        return self.code.name

    def placed(self, headers: str, sources: str) -> Files:
        """All headers and .c files: headers below one folder as they are included, .c by ISA.

        The model's own .c files stand right in `sources`, kernels in `sources`/mcucc/<isa>.
        """
        files: Files = {}
        for path, text in sorted(self.sources.items()):
            parts = PurePosixPath(path).parts
            if path.startswith("runtime/include/"):
                files[f"{headers}/{'/'.join(parts[2:])}"] = text
            elif path.startswith("runtime/kernels/"):
                files[f"{sources}/mcucc/{'/'.join(parts[2:])}"] = text
            elif path.endswith(".h"):
                files[f"{headers}/{path}"] = text
            elif path.endswith(".c"):
                files[f"{sources}/{path}"] = text
        return files

    def render(self, template: str, **values: object) -> str:
        """A template of templates/export with the model as `m` and mcucc's version as `version`."""
        found = code_templates().get_template(f"export/{template}")
        return found.render(m=self.code, version=__version__, **values)

    def first_run(self, entry: str = "int main(void)") -> str:
        """A program in C that runs the network on a grey picture and prints the outputs."""
        return self.render("first_run.c.j2", entry=entry)


def c_files(files: Files) -> list[str]:
    """The .c files among `files`, sorted."""
    return sorted(path for path in files if path.endswith(".c"))


def export_names() -> tuple[str, ...]:
    """The ecosystems, sorted: the files of this package."""
    package = importlib.import_module("mcucc.exports")
    modules = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if name != "library"))


def export_to(ecosystem: str, code: ModelCode, folder: Path) -> Path:
    """Writes `folder`/<ecosystem>/<library> and returns it; `ecosystem` is of export_names()."""
    module = importlib.import_module(f"mcucc.exports.{ecosystem.replace('-', '_')}")
    make: Callable[[Library], Files] = module.files
    place = folder / ecosystem / code.name
    for path, text in make(Library(code, library_sources(code))).items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="ascii", newline="\n")
    return place
