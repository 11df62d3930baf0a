"""Train the face detector and write faces.onnx beside this file.

    pip install torch onnxscript scikit-image
    python examples/faces/train.py

About five minutes on one core. Seeded: the same torch on the same kind of machine gives the same
file. Only what `pictures.material(held_out=False)` gives is seen: demo.py scores the rest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from network import STRIDE, USUAL_SIDE, FaceDetector
from pictures import SIDE, Scene, material, training_scene
from torch.nn import functional

HERE = Path(__file__).parent
CELLS = SIDE // STRIDE
BATCH = 32
POOL = 6000  # scenes, made once; a batch is drawn from them and mirrored at random
LEARNING_RATE = 4e-3


def normalised(scenes: Sequence[Scene]) -> torch.Tensor:
    """What faces.toml says: (byte / 255 - 0.5) / 0.5."""
    pixels = np.stack([scene.pixels for scene in scenes])[:, None]
    return torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)


def targets(scenes: Sequence[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Heat (N, 1, CELLS, CELLS) and box (N, 3, CELLS, CELLS).

    Heat is 1 where a face's centre is nearer than 0.3 of its side, so that a centre between cells
    belongs to all of them, and 0 from half a side on.
    """
    heat = np.zeros((len(scenes), 1, CELLS, CELLS), np.float32)
    box = np.zeros((len(scenes), 3, CELLS, CELLS), np.float32)
    rows, columns = np.mgrid[0:CELLS, 0:CELLS] + 0.5
    for index, scene in enumerate(scenes):
        for face in scene.faces:
            right, down = face.x / STRIDE - columns, face.y / STRIDE - rows
            distance = np.hypot(right, down) * STRIDE / face.side
            glow = np.clip((0.5 - distance) / 0.2, 0, 1)
            glow[int(face.y // STRIDE), int(face.x // STRIDE)] = 1
            nearest = glow > heat[index, 0]
            size = np.full_like(right, np.log2(face.side / USUAL_SIDE))
            box[index][:, nearest] = np.stack([right, down, size])[:, nearest]
            heat[index, 0] = np.maximum(heat[index, 0], glow)
    return torch.from_numpy(heat), torch.from_numpy(box)


def loss_of(
    logits: torch.Tensor, boxes: torch.Tensor, heat: torch.Tensor, box: torch.Tensor
) -> torch.Tensor:
    """Penalty-reduced focal loss on the heat (as in CornerNet); L1 on the boxes of faces."""
    probability = torch.sigmoid(logits)
    hot = heat == 1
    there = (1 - probability) ** 2 * functional.logsigmoid(logits) * hot
    absent = (1 - heat) ** 4 * probability**2 * functional.logsigmoid(-logits) * ~hot
    faces = hot.sum().clamp(min=1)
    misplaced = (hot * (boxes - box).abs()).sum()
    return (misplaced - (there + absent).sum()) / faces


def mirrored(
    pixels: torch.Tensor, heat: torch.Tensor, box: torch.Tensor, which: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Some pictures of a batch mirrored, with their targets."""
    which = which[:, None, None, None]
    signs = torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
    return (
        torch.where(which, pixels.flip(3), pixels),
        torch.where(which, heat.flip(3), heat),
        torch.where(which, box.flip(3) * signs, box),
    )


def train(steps: int, pool: int, seed: int) -> FaceDetector:
    """AdamW over a one-cycle schedule."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # faster than many for so small a network, and repeatable
    torch.use_deterministic_algorithms(True)
    rng, source = np.random.default_rng(seed), material(held_out=False)
    begin = time.monotonic()
    scenes = [training_scene(rng, source) for _ in range(pool)]
    pixels, (heat, box) = normalised(scenes), targets(scenes)
    print(f"{pool} scenes, {time.monotonic() - begin:.0f} s", flush=True)
    net = FaceDetector().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps)
    mean = 0.0
    for step in range(1, steps + 1):
        chosen = torch.from_numpy(rng.integers(0, pool, BATCH))
        which = torch.from_numpy(rng.random(BATCH) < 0.5)
        x, hot, where = mirrored(pixels[chosen], heat[chosen], box[chosen], which)
        loss = loss_of(*net.logits(x.to(memory_format=torch.channels_last)), hot, where)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        mean += 0.05 * (loss.item() - mean)
        if step % 200 == 0:
            print(f"step {step}: loss {mean:.3f}, {time.monotonic() - begin:.0f} s", flush=True)
    return net.eval()


def export(net: FaceDetector, path: Path) -> None:
    """Write the ONNX file, with the names of the modules and nothing of this machine in it."""
    program = torch.onnx.export(
        net,
        (torch.zeros(1, 1, SIDE, SIDE),),
        input_names=["picture"],
        output_names=["heat", "box"],
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    rename(model.graph, kept={"picture", "heat", "box"})
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString(deterministic=True))


def rename(graph: onnx.GraphProto, kept: set[str]) -> None:
    """Convolutions are called as their module, what follows them adds its operator's name."""
    names: dict[str, str] = {name: name for name in kept}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        base = node.input[1] if node.op_type in ("Conv", "Add") else node.input[0]
        name = base.removesuffix(".weight").removesuffix(".0")
        if node.op_type != "Conv":
            name += f".{node.op_type.lower()}"
        node.name = name
        node.output[0] = names.setdefault(node.output[0], name)


def main() -> None:
    """Train, export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--pool", type=int, default=POOL)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "faces.onnx")
    options = parser.parse_args()
    net = train(options.steps, options.pool, options.seed)
    export(net.as_exported(), options.out)
    print(f"written to {options.out} ({options.out.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
