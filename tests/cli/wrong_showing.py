"""Mistakes with drawings, and with folders of pictures."""

from __future__ import annotations

from tests.cli.project import Project
from tests.cli.wrong import Words, Wrong, running, written


def run_of_a_folder_without_pictures(project: Project) -> Words:
    """run of a folder that holds other files."""
    folder = written(project, "notes/readme.txt", "no picture").parent
    return ("run", project.folder / "out", "--input", folder)


SHOWING = (
    Wrong(
        "run of a folder without pictures",
        run_of_a_folder_without_pictures,
        ("notes", "no pictures"),
        True,
    ),
    Wrong(
        "a drawing where nothing says what the outputs mean",
        running("--draw", "a.png"),
        ("nothing to draw", "[output]"),
        True,
    ),
)
