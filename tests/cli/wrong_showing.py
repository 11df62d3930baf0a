"""Mistakes with drawings, and with folders of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.cli.project import Project
from tests.cli.wrong import Words, Wrong, running, written


def run_of_a_folder_without_pictures(project: Project) -> Words:
    """run of a folder that holds other files."""
    folder = written(project, "notes/readme.txt", "no picture").parent
    return ("run", project.folder / "out", "--input", folder)


def grouped_by(column: str, values: Sequence[str]) -> Callable[[Project], Words]:
    """validate of pictures whose labels.csv has a column of these values, by `column`."""

    def command(project: Project) -> Words:
        picture = (project.data / "class0" / "0.png").read_bytes()
        lines = ["file,label,distance"]
        for number, value in enumerate(values):
            written(project, f"grouped/{number}.png", picture)
            lines.append(f"{number}.png,0,{value}")
        folder = written(project, "grouped/labels.csv", "\n".join(lines)).parent
        usual = ("validate", project.folder / "out", "--emulator", "none", "--data", folder)
        return (*usual, "--groups", column)

    return command


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
    Wrong(
        "groups by a column that labels.csv does not have",
        grouped_by("distanse", ["near", "far"]),
        ("grouped", "'distanse'", "distance"),
        True,
    ),
    Wrong(
        "groups by a column of too many words",
        grouped_by("distance", [f"about {n} m" for n in range(20)]),
        ("grouped", "distance has 20 values", "at most 16"),
        True,
    ),
)
