"""The rows and columns of every tensor that a step of a stage handles, from its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcucc.errors import ModelError
from mcucc.ir.kernel import Granularity
from mcucc.ir.window import Window
from mcucc.schedule.expand.axis import Axis, Link, stepped_axis, whole_axis
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.rates import (
    COLUMNS,
    ROWS,
    Rates,
    measured_tensor,
    measured_tensors,
    proportional_all,
)
from mcucc.schedule.expand.strips import Columns, joined, strip_columns
from mcucc.schedule.plan.plan import EdgePlan, StagePlan


class StageRanges:
    """A stage of nodes [begin, end) and its tensors along both axes.

    `made` are the tensors that its nodes make, `kept` those of them that are stored whole, for
    readers after the stage, or leave row by row. Raises ModelError where the plan's tile does not
    fit the nodes.
    """

    def __init__(self, net: PlannerGraph, plan: StagePlan, begin: int) -> None:
        self.net, self.plan = net, plan
        self.begin, self.end = begin, begin + len(plan.nodes)
        self.nodes = net.nodes[self.begin : self.end]
        self.made = {node.output for node in self.nodes}
        self.kept = frozenset(t for t in self.made if net.tensors[t].stored(self.end))
        self.touched = {o.tensor for node in self.nodes for o in node.operands} | self.made
        self._edges = {edge.tensor: edge for edge in plan.edges}
        self.rows, self.columns = self._axes() if self._streams() else self._whole()

    def error(self, what: str) -> ModelError:
        """What is wrong with the stage's plan."""
        return ModelError(what, where=f"stage {self.nodes[0].name} .. {self.nodes[-1].name}")

    def edge(self, tensor: int) -> EdgePlan:
        """How the plan holds a tensor inside the stage."""
        name = self.net.tensors[tensor].name
        return self._edges.get(name, EdgePlan(name))

    def _streams(self) -> bool:
        """Whether all nodes work by steps; one that cannot is a stage by itself."""
        pools = {n.output for n in self.nodes if n.granularity is Granularity.SINK}
        if any(o.tensor in pools for node in self.nodes for o in node.operands):
            raise self.error("a global pool is complete only after its stage; cut there")
        # Operands that are read whole must come from earlier stages.
        inside = (o for node in self.nodes for o in node.operands if o.tensor in self.made)
        streamed = all(node.streams for node in self.nodes) and all(
            o.rows is not None for o in inside
        )
        if not streamed and len(self.nodes) > 1:
            raise self.error("a node that needs whole tensors cannot share its stage")
        if not streamed and self.plan.strips > 1:
            raise self.error("a node that needs whole tensors has no strips")
        return streamed

    def _whole(self) -> tuple[Axis, Columns]:
        tensors = self.net.tensors
        return (
            whole_axis({t: tensors[t].height for t in self.touched}),
            joined([whole_axis({t: tensors[t].width for t in self.touched})]),
        )

    def _axes(self) -> tuple[Axis, Columns]:
        heights = {t: self.net.tensors[t].height for t in self.touched}
        widths = {t: self.net.tensors[t].width for t in self.touched}
        rows_links, columns_links = [], []
        for node in self.nodes:
            sink = node.granularity is Granularity.SINK
            down = tuple((o.tensor, o.rows or Window()) for o in node.operands if o.rows)
            across = tuple((o.tensor, o.columns or Window()) for o in node.operands if o.columns)
            rows_links.append(Link(node.output, down, sink))
            columns_links.append(Link(node.output, across, sink))
        height, width = self.plan.tile
        rates = self._rates(ROWS, height) if height else None
        rows = None
        if rates is not None:
            rows = stepped_axis(rows_links, heights, rates, self.kept, lambda t: self.edge(t).rows)
        if rows is None and height >= heights[self._reference()]:
            rows = whole_axis(heights)  # one step has no rate: a resize by any factor
        columns = self._columns(columns_links, widths)
        if rows is None or columns is None:
            raise self.error(f"a tile of {height} x {width} does not fit its strides")
        for link in rows_links:
            if not (link.sink or {link.output} <= rows.tracks.keys() & columns.tracks.keys()):
                name = self.net.tensors[link.output].name
                raise self.error(f"nothing reads {name}: no step makes it. Give it its own stage")
        return rows, columns

    def _columns(self, links: Sequence[Link], sizes: Mapping[int, int]) -> Columns | None:
        """The columns of the one strip, or of every strip."""
        width, strips = self.plan.tile[1], self.plan.strips
        if width == 0 and strips == 1:
            return joined([whole_axis(sizes)])
        units = -(-sizes[self._reference()] // (width or 1))
        if not 1 <= strips <= units:
            raise self.error(f"{strips} strips of a row of {units} tiles")
        rates = self._rates(COLUMNS, width)
        if rates is None:
            return None
        return strip_columns(
            links,
            sizes,
            rates,
            self.kept,
            lambda t: self.edge(t).columns,
            tiles=width > 0,
            bounds=[i * units // strips for i in range(strips + 1)],
        )

    def _reference(self) -> int:
        """The tensor that the tile counts rows and columns of."""
        return measured_tensor(self.nodes[-1])

    def _rates(self, axis: int, tile: int) -> dict[int, int] | None:
        """Positions a step of each kept tensor and all that sinks take; None: nothing fits.

        Without a tile they are the columns for one of the last tensor, where whole rows are cut.
        """
        measured = [
            node
            for node in self.nodes
            if node.output in self.kept or node.granularity is Granularity.SINK
        ]
        if tile:
            rates = Rates(self.net, self.nodes[-1], axis, tile)
            fits = all(rates.add(node) is not None for node in reversed(self.nodes))
            tensors = (tensor for node in measured for tensor in measured_tensors(node))
            return {tensor: rates.known[tensor] for tensor in tensors} if fits else None
        found: dict[int, int] = {}
        for node in measured:
            rate = proportional_all(self.net, self._reference(), node, axis, 1)
            if rate is None:
                return None
            found |= dict.fromkeys(measured_tensors(node), rate)
        return found
