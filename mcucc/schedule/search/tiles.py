"""Tiles: rows and columns of a stage's output that a step makes."""

from __future__ import annotations

from dataclasses import dataclass

# Rows and columns of a stage's output that a step makes; 0 columns are whole rows.
Tile = tuple[int, int]


@dataclass(frozen=True)
class TileMenu:
    """Tile sizes that are tried for the last tensor of a stage: every height with every width.

    Width 0 is whole rows. `half_height` and `half_width` add half the tensor, rounded up;
    `whole_height` adds all its rows. Low and narrow tiles need little memory and much time.
    """

    heights: tuple[int, ...]
    widths: tuple[int, ...]
    half_height: bool = False
    half_width: bool = False
    whole_height: bool = False

    def tiles(self, height: int, width: int) -> list[Tile]:
        """The sizes for a tensor."""
        heights, widths = {*self.heights}, {*self.widths}
        if self.half_height:
            heights.add(-(-height // 2))
        if self.whole_height:
            heights.add(height)
        if self.half_width:
            widths.add(-(-width // 2))
        return [
            (rows, columns)
            for rows in sorted(heights)
            for columns in sorted(widths)
            if rows <= height and (columns < width)
        ]


USUAL_WIDTHS = (0, 1, 2, 3, 4, 6, 8)
ANY_TILE = TileMenu((1, 2, 3, 4), USUAL_WIDTHS, half_width=True)
FEW_TILES = TileMenu((1, 2), (0, 2, 4))
# Those that are tried first, those of any size of stage where the cost is time, those of column
# strips, and those of stages that feed others: rings grow with their rows.
ROUGH = TileMenu((1,), (0, 4))
ROOMY = TileMenu((1, 2, 4), (0, 4, 8))
STRIPS = TileMenu((1, 2), (0, 1, 2, 4))
CHAINED = TileMenu((1, 2), USUAL_WIDTHS, half_width=True)
# Rewritten blocks repeat work in every step, but not where a step makes all rows.
REWRITTEN = TileMenu((1, 2, 3, 4), (0, 2, 4), half_height=True, half_width=True, whole_height=True)
