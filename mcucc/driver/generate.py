"""A scheduled network becomes C, and the C gets the figures that its firmware measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcucc.base.names import comment
from mcucc.boards.board import Board
from mcucc.codegen.figures import Figures
from mcucc.codegen.model import ModelCode, Origin, model_code
from mcucc.driver.load import LoadedModel
from mcucc.driver.measure import Measured
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import Schedule
from mcucc.version import __version__


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network with its program and its C, before anything is built."""

    network: LoadedModel
    schedule: Schedule
    code: ModelCode
    name: str

    @property
    def program(self) -> Program:
        """The schedule's program."""
        return self.schedule.program


def generate(network: LoadedModel, chosen: Schedule, name: str, board: Board) -> Compiled:
    """The C of a scheduled network.

    The checker replays the schedule first: one that fails never becomes C.
    """
    check(chosen.program)
    origin = Origin(network.file.path.name, network.file.sha256, __version__)
    code = model_code(
        chosen.program,
        network.cameras,
        name,
        origin,
        network.splits,
        network.imported.constants,
        network.answers,
        board.core.cache_line,
    )
    return Compiled(network, chosen, code, name)


def with_figures(
    code: ModelCode, measured: Measured, board: Board, flags: Sequence[str]
) -> ModelCode:
    """The same with what was measured in NAME.h; no other code depends on it.

    Without a run there are no figures: an estimate in a macro would be taken for more.
    """
    if measured.stack_source != "painted":
        return code
    built = " ".join((measured.compiler, *flags))
    figures = Figures(
        stack=measured.stack,
        code=measured.flash.code,
        weights=measured.flash.weights,
        conditions=comment(f"{board.name} ({board.core.value}), {built}"),
    )
    return replace(code, figures=figures)
