"""What tensors and walks are, as arrays: shapes, lifetimes, strides; tiles and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerNode
from mcucc.schedule.expand.rates import measured_tensor, measured_tensors
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Walks

Order = npt.NDArray[np.intp]
Places = npt.NDArray[np.int64] | slice  # what picks walks


@dataclass(frozen=True, eq=False)
class Tables:
    """Tensors as arrays, by number. `scales` (numerators, denominators) are by axis and tensor.

    `rooted`: its bytes are its own; `listed`: see `SearchFacts.listed`; `comes`: it has a source,
    whose rows come `once` or again; rows of one that `leaves` are handed out.
    """

    height: Ints
    width: Ints
    pixel: Ints
    size: Ints
    last: Ints
    born: Ints
    rooted: Booleans
    comes: Booleans
    once: Booleans
    leaves: Booleans
    listed: Booleans
    scales: tuple[Ints, Ints]
    references: Ints  # by node: the tensor that a tile counts positions of

    @staticmethod
    def of(facts: SearchFacts) -> Tables:
        """Those of a network."""
        network, tensors = facts.network, facts.network.tensors
        table = np.array(
            [(t.height, t.width, t.pixel_bytes, t.size, t.last, t.born) for t in tensors],
            dtype=np.int64,
        ).T.copy()
        scales = network.scales
        above = np.array([[side.numerator for side in pair] for pair in scales], dtype=np.int64)
        below = np.array([[side.denominator for side in pair] for pair in scales], dtype=np.int64)
        return Tables(
            height=table[0],
            width=table[1],
            pixel=table[2],
            size=table[3],
            last=table[4],
            born=table[5],
            rooted=np.array([t.root == i for i, t in enumerate(tensors)]),
            comes=np.array([t.source is not None for t in tensors]),
            once=np.array([t.source is not None and t.source.once for t in tensors]),
            leaves=np.array([t.leaves for t in tensors]),
            listed=np.array([facts.listed(i) for i in range(len(tensors))]),
            scales=(above.T, below.T),
            references=np.array([measured_tensor(node) for node in network.nodes], dtype=np.int64),
        )


@dataclass(frozen=True, eq=False)
class Grid:
    """The steps of walks over their last tensors, an element a walk; pairs are rows, columns.

    `tile` columns are those of a strip where it makes whole rows of one (`single`), 0 where whole
    rows are made (`full`). `strip_steps` are column steps of the widest strip. `reference` is the
    tensor that a tile counts positions of. Walks whose rows have no room for their strips are not
    `possible`.
    """

    end: Ints
    tile: Ints
    steps: Ints
    full: Booleans
    single: Booleans
    strips: Ints
    strip_steps: Ints
    reference: Ints
    possible: Booleans

    @staticmethod
    def of(tables: Tables, walks: Walks) -> Grid:
        """See the class."""
        reference = tables.references[walks.end - 1]
        height, width = tables.height[reference], tables.width[reference]
        single = (walks.strips > 1) & (walks.columns == 0)
        columns = np.where(single, -(-width // walks.strips), walks.columns)
        across = np.where(columns == 0, 1, -(-width // np.maximum(columns, 1)))
        return Grid(
            end=walks.end,
            tile=np.stack([walks.rows, columns]),
            steps=np.stack([-(-height // walks.rows), across]),
            full=columns == 0,
            single=single,
            strips=walks.strips,
            strip_steps=-(-across // walks.strips),
            reference=reference,
            possible=walks.strips <= -(-width // np.maximum(walks.columns, 1)),
        )


def proportional(
    tables: Tables, grid: Grid, walks: Places, tensor: int, tile: Ints
) -> tuple[Ints, Booleans]:
    """Positions of a tensor for `tile` (axes, walks) of the references; where these are whole.

    See `rates.proportional`.
    """
    above, below = tables.scales
    reference = grid.reference[walks]
    parts = tile * above[:, reference] * below[:, tensor, None]
    whole = below[:, reference] * above[:, tensor, None]
    rate = parts // whole
    return rate, (rate * whole == parts) & (rate >= 1)


def strides_fit(tables: Tables, grid: Grid, walks: Places, node: PlannerNode) -> Booleans:
    """Where a column of the reference is the same whole number of columns of all that is measured.

    Strips of whole rows are cut there.
    """
    one = np.ones((2, 1), dtype=np.int64)
    first, fits = proportional(tables, grid, walks, measured_tensor(node), one)
    found: Booleans = fits[1]
    for tensor in measured_tensors(node)[1:]:
        rate, fits = proportional(tables, grid, walks, tensor, one)
        found = found & fits[1] & (rate[1] == first[1])
    return found


def sinks(node: PlannerNode) -> bool:
    """Whether a node takes its input row by row and has one output in the end."""
    return node.granularity is Granularity.SINK
