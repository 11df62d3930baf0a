"""COCO's average precision, counted by pycocotools itself (the extra `detect`)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from mcucc.answers.records import Box
from mcucc.images.labels import TrueBox

MISSING = "COCO's AP is counted by pycocotools: pip install 'mcucc[detect]'"
NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
POINT_NAMES = ("oks_ap", "oks_ap50", "oks_ap75")
# Of COCO's 17 points of a person: pycocotools has them too, as Params.kpt_oks_sigmas.
COCO_POINTS = 17


@dataclass(frozen=True)
class CocoAp:
    """AP by name over all classes, and (AP, AP50) of each class; None without truths."""

    all: Mapping[str, float | None]
    classes: tuple[tuple[float | None, float | None], ...] = ()


def available() -> bool:
    """Whether pycocotools is installed."""
    return find_spec("pycocotools") is not None


def boxes_ap(
    truth: Sequence[Sequence[TrueBox]], found: Sequence[Sequence[Box]], classes: int
) -> CocoAp:
    """AP of boxes at overlaps 0.50 to 0.95; small: below 32 x 32 pixels, large: from 96 x 96."""
    made = _evaluated(truth, found, classes, "bbox")
    stats = dict(zip(NAMES, (_known(value) for value in made.stats[:6]), strict=True))
    precision = made.eval["precision"][:, :, :, 0, -1]  # overlap, recall, class
    each = tuple(
        (_mean(precision[:, :, kind]), _mean(precision[0, :, kind])) for kind in range(classes)
    )
    return CocoAp(stats, each)


def points_ap(
    truth: Sequence[Sequence[TrueBox]], found: Sequence[Sequence[Box]], classes: int, points: int
) -> CocoAp:
    """AP of points by object keypoint similarity, with COCO's constants for 17 points, else 1/K."""
    made = _evaluated(truth, found, classes, "keypoints", points)
    return CocoAp(dict(zip(POINT_NAMES, (_known(v) for v in made.stats[:3]), strict=True)))


def _evaluated(
    truth: Sequence[Sequence[TrueBox]],
    found: Sequence[Sequence[Box]],
    classes: int,
    kind: str,
    points: int = 0,
) -> Any:
    from pycocotools.cocoeval import COCOeval

    there = [(i, box) for i, boxes in enumerate(truth) for box in boxes]
    told = [(i, box) for i, boxes in enumerate(found) for box in boxes]
    # Numbers begin at 1: pycocotools takes the match 0 for none.
    a = _dataset([_true(i, n, b) for n, (i, b) in enumerate(there, 1)], len(truth), classes)
    b = _dataset([_found(i, n, box) for n, (i, box) in enumerate(told, 1)], len(truth), classes)
    with contextlib.redirect_stdout(io.StringIO()):
        made = COCOeval(a, b, kind)
        if points and points != COCO_POINTS:
            made.params.kpt_oks_sigmas = np.full(points, 1 / points)
        made.evaluate()
        made.accumulate()
        made.summarize()
    return made


def _dataset(rows: list[dict[str, Any]], pictures: int, classes: int) -> Any:
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        made = COCO()
        made.dataset = {
            "images": [{"id": i} for i in range(pictures)],
            "categories": [{"id": i} for i in range(classes)],
            "annotations": rows,
        }
        made.createIndex()
    return made


def _true(picture: int, number: int, box: TrueBox) -> dict[str, Any]:
    points = [value for p in box.points for value in (p.x, p.y, 2 if p.known else 0)]
    return {
        "id": number,
        "image_id": picture,
        "category_id": box.kind,
        "bbox": [box.left, box.top, box.right - box.left, box.bottom - box.top],
        "area": box.surface,
        "iscrowd": int(box.crowd or box.difficult),
        "keypoints": points,
        "num_keypoints": sum(p.known for p in box.points),
    }


def _found(picture: int, number: int, box: Box) -> dict[str, Any]:
    width, height = box.right - box.left, box.bottom - box.top
    return {
        "id": number,
        "image_id": picture,
        "category_id": box.kind,
        "bbox": [box.left, box.top, width, height],
        "area": width * height,
        "score": box.score,
        "keypoints": [value for p in box.points for value in (p.x, p.y, p.score)],
    }


def _known(value: float) -> float | None:
    """pycocotools says -1 where there is nothing to find."""
    return None if value < 0 else float(value)


def _mean(precision: Any) -> float | None:
    told = precision[precision > -1]
    return float(told.mean()) if told.size else None
