"""Masks: intersection over union of each class, and the share of pixels that are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.answers.answer import MaskAnswer
from mcucc.errors import DataError
from mcucc.evaluate.tasks.task import (
    Array,
    Case,
    ClassRow,
    Confusion,
    Difference,
    Measure,
    Score,
    Wrong,
)
from mcucc.images.labels_masks import IGNORED, read_mask

Counts = npt.NDArray[np.int64]
UNSEEN = -1


@dataclass(frozen=True, eq=False)
class MaskPart:
    """Of a picture: pixels by class, true (rows) and found (columns); the map as it was found."""

    counts: Counts | None
    found: npt.NDArray[np.int64]


@dataclass(frozen=True)
class MaskTask:
    """Judges the class of each pixel; `white` says that 255 in the labels is class 1."""

    answer: MaskAnswer
    white: bool = False

    @property
    def title(self) -> str:
        """What is counted."""
        return (
            "classes of the picture's pixels, each that of its cell in the map; pixels that are "
            + ("" if self.white else "255 in the mask, or ")
            + "cropped away do not count"
            + ("; 255 in the masks is class 1" if self.white else "")
        )

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each class; of one channel: what is not it, and it."""
        classes = self.answer.classes
        return classes if len(classes) > 1 else ("background", *(classes or ("object",)))

    def part(self, values: Array, case: Case) -> MaskPart:
        """The map as large as the picture, against the picture's mask."""
        found = self.answer.read(values)
        if case.truth is None or case.truth.mask is None:
            return MaskPart(None, found)
        truth = read_mask(case.truth.mask).astype(np.int64)
        where = str(case.truth.mask)
        if truth.shape != case.placement.picture:
            own, other = (f"{w}x{h}" for h, w in (truth.shape, case.placement.picture))
            raise DataError(f"the mask has {own} pixels, {case.name} has {other}", where=where)
        if self.white:
            truth[truth == IGNORED] = 1
        count = len(self.names)
        seen = case.placement.map_to_picture(found, outside=UNSEEN)
        told = (truth != IGNORED) & (seen != UNSEEN)
        if (most := int(truth[told].max(initial=0))) >= count:
            raise DataError(
                f"there is a class {most}, the network has {count}: {', '.join(self.names)[:200]}",
                where=where,
                hint="bytes of a mask are classes of the network; 255 does not count",
            )
        both = truth[told] * count + seen[told]
        return MaskPart(np.bincount(both, minlength=count**2).reshape(count, count), found)

    def score(self, parts: Sequence[MaskPart]) -> Score:
        """Over all pixels of pictures with labels."""
        told = [part.counts for part in parts if part.counts is not None]
        count = len(self.names)
        total: Counts = sum(told, np.zeros((count, count), np.int64))
        shares = _shares(total)
        pixels = int(total.sum())
        right = int(np.trace(total)) / pixels if pixels else None
        known = [value for value in shares if value is not None]
        rows = tuple(
            ClassRow(name, int(total[i].sum()), (Measure("iou", "IoU", shares[i]),))
            for i, name in enumerate(self.names)
        )
        return Score(
            len(told),
            (
                Measure("miou", "mIoU", float(np.mean(known)) if known else None),
                Measure("pixel_accuracy", "pixels right", right),
            ),
            rows,
            Confusion(self.names, self.names, tuple(map(tuple, total.tolist())), "pixels"),
        )

    def wrong(self, part: MaskPart) -> Wrong | None:
        """The share of its pixels that are wrong."""
        if part.counts is None or not part.counts.sum():
            return None
        loss = 1 - float(np.trace(part.counts) / part.counts.sum())
        return Wrong(loss, f"{100 * loss:.1f} % of its pixels wrong")

    def difference(self, one: Sequence[MaskPart], other: Sequence[MaskPart]) -> Difference:
        """Cells of the maps that have another class."""
        differ = sum(int((a.found != b.found).sum()) for a, b in zip(one, other, strict=True))
        whole = sum(a.found.size for a in one)
        words = f"{100 * differ / max(whole, 1):.2f} % of the maps' cells have another class"
        return Difference(words, {"cells": whole, "cells_differ": differ})


def _shares(total: Counts) -> list[float | None]:
    """Of each class; None for one that is neither true nor found."""
    both = np.diag(total)
    whole = total.sum(axis=0) + total.sum(axis=1) - both
    return [float(b / w) if w else None for b, w in zip(both, whole, strict=True)]
