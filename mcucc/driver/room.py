"""What a network takes of a board's flash, estimated before anything is linked."""

from __future__ import annotations

from mcucc.boards.board import Board
from mcucc.driver.target import bind
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.quantize.quantize import Room

# Estimates, -O2, fitted on 19 linked images (3 networks on M0+, M4, M7, M33 and M55): code within
# 30 %, 9 % on average; tables beside the layers' (padding, parameters, names) within 2.5 kB.
CODE_BASE, CODE_PER_FUNCTION, CODE_PER_ACTION, CODE_PER_FUSED_ACTION = 1300, 840, 120, 170
TABLES_BASE, TABLES_PER_LAYER = 3800, 100
BESIDE = "code and other tables"


def room_of(board: Board, optimize: str, flash: int) -> Room:
    """`flash` bytes on a board."""

    def taken(integer: IntegerGraph) -> dict[str, int]:
        bound = bind(integer, board, optimize)
        return {**table_bytes(bound), BESIDE: _beside(bound)}

    return Room(flash, taken)


def table_bytes(graph: IntegerGraph) -> dict[str, int]:
    """Bytes of weights and tables of every node with code, of kernels bound to a board."""
    return {
        node.name: sum(int(array.data.nbytes) for array in node.tables)
        for node in graph.nodes
        if node.kernel.granularity is not Granularity.ALIAS
    }


def _beside(graph: IntegerGraph) -> int:
    nodes = [node for node in graph.nodes if node.kernel.granularity is not Granularity.ALIAS]
    kernels = {part.id for node in nodes for part in node.call().calls}
    code = CODE_BASE + CODE_PER_FUNCTION * len(kernels) + CODE_PER_ACTION * len(nodes)
    return code + TABLES_BASE + TABLES_PER_LAYER * len(nodes)
