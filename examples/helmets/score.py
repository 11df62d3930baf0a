"""Average precision of the float network, as COCO counts it, while it is trained."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import torch
from losses import cells_of, overlap
from network import CLASSES, HEIGHT, WIDTH, HelmetDetector
from pictures import ABSENT, Pictures, normalised

THRESHOLD, SAME, MOST = 0.05, 0.5, 100


@torch.no_grad()
def found_in(net: HelmetDetector, data: Pictures) -> list[torch.Tensor]:
    """For each picture rows (class, left, top, right, bottom, score), the surest first."""
    found = []
    for first in range(0, len(data), 49):
        cells = cells_of(net(normalised(data.pixels[first : first + 49])))
        scores = cells.scores.sigmoid() * cells.objectness.sigmoid()[..., None]
        best, kinds = scores.max(-1)
        for own, score, kind in zip(cells.boxes, best, kinds, strict=True):
            rows = torch.cat([kind[:, None].float(), own, score[:, None]], 1)
            rows = rows[score >= THRESHOLD]
            found.append(suppressed(rows[rows[:, 5].argsort(dim=0, descending=True, stable=True)]))
    return found


def suppressed(rows: torch.Tensor) -> torch.Tensor:
    """Greedy non-maximum suppression, class by class."""
    same = overlap(rows[:, None, 1:5], rows[None, :, 1:5]) > SAME
    same &= rows[:, None, 0] == rows[None, :, 0]
    kept: list[int] = []
    for index in range(len(rows)):
        if not same[index, kept].any():
            kept.append(index)
    return rows[kept[:MOST]]


def average_precision(net: HelmetDetector, data: Pictures) -> tuple[float, float]:
    """AP (mean over overlaps 0.5 .. 0.95) and AP50."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    for index, rows in enumerate(data.boxes):
        for row in rows[rows[:, 0] != ABSENT].tolist():
            area = (row[3] - row[1]) * (row[4] - row[2])
            truth.append(entry(index, row) | {"id": len(truth) + 1, "iscrowd": 0, "area": area})
    for index, rows in enumerate(found_in(net, data)):
        ours += [entry(index, row) | {"score": row[5]} for row in rows.tolist()]
    if not ours:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i, "width": WIDTH, "height": HEIGHT} for i in range(len(data))],
            "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
            "annotations": truth,
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(ours), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(np.asarray(evaluation.stats)[0]), float(np.asarray(evaluation.stats)[1])


def entry(picture: int, row: list[float]) -> dict[str, Any]:
    """What COCO says of a box."""
    kind, left, top, right, bottom = row[:5]
    return {
        "image_id": picture,
        "category_id": int(kind),
        "bbox": [left, top, right - left, bottom - top],
    }
