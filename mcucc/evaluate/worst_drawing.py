"""Pictures with what was found on them beside what is true."""

from __future__ import annotations

from PIL import Image

from mcucc.answers.answer import ClassesAnswer, KeypointsAnswer, MaskAnswer
from mcucc.answers.draw import Said, draw
from mcucc.answers.records import Point
from mcucc.evaluate.judge import Judged
from mcucc.evaluate.tasks.boxes import BoxesPart
from mcucc.evaluate.tasks.classes import ClassesPart
from mcucc.evaluate.tasks.keypoints import KeypointsPart
from mcucc.evaluate.tasks.mask import MaskPart
from mcucc.images.labels_masks import read_mask
from mcucc.images.placement import Placement

FOUND, TRUE = "found", "true"


def drawings(found: Judged, way: str, index: int, picture: Image.Image) -> dict[str, Image.Image]:
    """What a way found on a picture, and what is true where that does not go on the same."""
    part, case = found.parts[way][index], found.cases[index]
    answer, own = found.answer, Placement.same(case.placement.picture)
    if isinstance(part, BoxesPart):  # already in pixels of the picture
        truth = [(box.left, box.top, box.right, box.bottom) for box in part.truth or ()]
        return {FOUND: draw(picture, own, [Said(answer, part.found)], truth)}
    if isinstance(part, KeypointsPart) and isinstance(answer, KeypointsAnswer):
        made = {FOUND: draw(picture, own, [Said(answer, part.found)])}
        if part.truth is not None:
            points = tuple(Point(p.x, p.y, float(p.known)) for p in part.truth.points)
            made[TRUE] = draw(picture, own, [Said(answer, points)])
        return made
    if isinstance(part, MaskPart) and isinstance(answer, MaskAnswer):
        made = {FOUND: draw(picture, case.placement, [Said(answer, part.found)])}
        if case.truth is not None and case.truth.mask is not None:
            mask = read_mask(case.truth.mask).astype("int64")
            made[TRUE] = draw(picture, own, [Said(answer, mask)])
        return made
    if isinstance(part, ClassesPart) and isinstance(answer, ClassesAnswer):
        return {FOUND: draw(picture, case.placement, [Said(answer, part.found)])}
    return {}
