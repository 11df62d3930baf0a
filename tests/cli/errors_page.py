"""docs/errors.md, written from the table: `python -m tests.cli.errors_page > docs/errors.md`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from tests.cli.project import Project, make_project, mcucc
from tests.cli.wrong import Wrong
from tests.cli.wrong_table import GROUPS

HEAD = """# What the messages say

Every mistake gets one message on stderr and exit code 2. Nothing is written, an older result stays
as it was. `--verbose` adds the traceback, `--json` makes the message a JSON document.
A broken picture among good ones is named in a warning and left out.
Ctrl-C ends with exit code 130 and leaves nothing behind.

Written from the table of mistakes that the tests make:
`python -m tests.cli.errors_page > docs/errors.md`.
"""


def page() -> str:
    """The Markdown text."""
    parts = [HEAD]
    with tempfile.TemporaryDirectory() as scratch:
        compiled = made(Path(scratch) / "compiled")
        assert compiled.compile().code == 0
        for group, mistakes in GROUPS.items():
            parts.append(f"\n## {group}\n")
            for number, wrong in enumerate(mistakes):
                project = made(Path(scratch) / f"{group} {number}")
                if wrong.compiled:
                    shutil.copytree(compiled.folder / "out", project.folder / "out")
                parts.append(f"\n{wrong.what}:\n\n{indented(message(wrong, project))}")
    return "".join(parts)


def made(folder: Path) -> Project:
    """A fresh project."""
    folder.mkdir()
    return make_project(folder)


def message(wrong: Wrong, project: Project) -> str:
    """What the command prints, without the folder's path."""
    words = wrong.command(project)
    with patch.dict(os.environ, wrong.environment_in(project)):
        text = mcucc(*words).err
    return text.replace(f"{project.folder}/", "")


def indented(text: str) -> str:
    """As a block of Markdown."""
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


def messages_in(text: str) -> dict[str, str]:
    """The messages of a page by mistake."""
    found: dict[str, str] = {}
    what = ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            what = line.removesuffix(":")
        elif what and line.startswith("    "):
            found[what] = found.get(what, "") + line.removeprefix("    ") + "\n"
    return found


if __name__ == "__main__":
    print(page(), end="")
