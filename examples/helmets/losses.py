"""What training minimises: YOLOX's losses, with its assignment of cells to objects (SimOTA).

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", section 2: each object takes the cells near its
centre that cost least, as many as their overlaps add up to.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from network import CLASSES, HEIGHT, STRIDES, WIDTH, Maps
from pictures import ABSENT
from torch.nn import functional

NEAR = 1.5  # cells between an object's centre and those that may find it
BEST = 8  # cells whose overlaps are added up
FAR = 1e5


@dataclass(frozen=True, eq=False)
class Cells:
    """All cells of all levels: what the network says, (N, A, ...)."""

    boxes: torch.Tensor  # left, top, right, bottom in pixels
    objectness: torch.Tensor  # logits (N, A)
    scores: torch.Tensor  # logits (N, A, classes)


def grid() -> tuple[torch.Tensor, torch.Tensor]:
    """Corners (A, 2) of the cells in pixels, and their strides (A, 1)."""
    corners, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.arange(HEIGHT // stride), torch.arange(WIDTH // stride)
        down, across = torch.meshgrid(rows, columns, indexing="ij")
        own = torch.stack([across, down], -1).reshape(-1, 2) * float(stride)
        corners.append(own)
        strides.append(torch.full((len(own), 1), float(stride)))
    return torch.cat(corners), torch.cat(strides)


def cells_of(maps: Maps) -> Cells:
    """The six maps as cells with boxes in pixels."""
    rows = [m.permute(0, 2, 3, 1).reshape(len(m), -1, m.shape[1]) for m in maps]
    boxes, objectness, scores = (torch.cat([rows[i], rows[i + 3]], 1) for i in range(3))
    corners, strides = grid()
    centre = corners + boxes[..., :2] * strides
    half = boxes[..., 2:].clamp(max=4).exp() * strides / 2
    return Cells(torch.cat([centre - half, centre + half], -1), objectness[..., 0], scores)


def overlap(a: torch.Tensor, b: torch.Tensor, *, is_generalised: bool = False) -> torch.Tensor:
    """Intersection over union of boxes (..., 4), or the generalised one (Rezatofighi 2019)."""
    common = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(
        min=0
    )
    inside = common.prod(-1)
    areas = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b)]
    union = areas[0] + areas[1] - inside + 1e-6
    iou = inside / union
    if not is_generalised:
        return iou
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    around = hull.prod(-1) + 1e-6
    return iou - (around - union) / around


@torch.no_grad()
def assign(cells: Cells, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each cell which object it shall find (N, A; -1: none), and the overlap with it."""
    corners, strides = grid()
    middle = corners + strides / 2
    there = truth[..., 0] != ABSENT  # (N, M)
    objects = truth[..., 1:]
    centre = (objects[..., :2] + objects[..., 2:]) / 2
    apart = (centre[:, :, None] - middle).abs().amax(-1) / strides[:, 0]
    near = (apart < NEAR) & there[..., None]  # (N, M, A)
    iou = overlap(objects[:, :, None], cells.boxes[:, None]) * near
    kinds = truth[..., 0].clamp(min=0).long()
    sure = cells.scores.sigmoid() * cells.objectness.sigmoid()[..., None]
    sure = sure.sqrt().transpose(1, 2).gather(1, kinds[..., None].expand(-1, -1, len(middle)))
    cost = -(sure + 1e-6).log() - 3 * (iou + 1e-6).log() + FAR * ~near
    wanted = iou.topk(BEST, -1).values.sum(-1).long().clamp(min=1)
    cheapest = cost.topk(BEST, -1, largest=False).indices
    chosen = torch.arange(BEST) < wanted[..., None]
    taken = torch.zeros_like(near).scatter(-1, cheapest, chosen) & near
    cost = torch.where(taken, cost, 10 * FAR)
    best = cost.argmin(1)
    which = torch.where(taken.any(1), best, -1)
    return which, iou.gather(1, best[:, None])[:, 0]


def loss_of(maps: Maps, truth: torch.Tensor) -> torch.Tensor:
    """Overlaps of boxes, cross entropies of objectness and of classes, for each assigned cell."""
    cells = cells_of(maps)
    truth = truth[:, : int((truth[..., 0] != ABSENT).sum(1).max().clamp(min=1))]
    which, iou = assign(cells, truth)
    is_object = which >= 0
    picture, cell = is_object.nonzero(as_tuple=True)
    own = truth[picture, which[picture, cell]]
    count = max(len(picture), 1)
    placed = 1 - overlap(cells.boxes[picture, cell], own[:, 1:], is_generalised=True)
    there = functional.binary_cross_entropy_with_logits(
        cells.objectness, is_object.float(), reduction="sum"
    )
    kinds = functional.one_hot(own[:, 0].long(), len(CLASSES)) * iou[picture, cell][:, None]
    kind = functional.binary_cross_entropy_with_logits(
        cells.scores[picture, cell], kinds, reduction="sum"
    )
    return (5 * placed.sum() + there + kind) / count
