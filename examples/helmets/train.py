"""Train the helmet detector and write helmets.onnx beside this file.

    pip install torch onnxscript pycocotools
    python examples/helmets/train.py HELMETS.npz

Seeded: the same torch on the same kind of machine gives the same file. After each epoch the state
is written to `--state`, from which an interrupted training goes on.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import onnx
import torch
from losses import loss_of
from network import HEIGHT, WIDTH, HelmetDetector
from pictures import Pictures, normalised, packed, varied
from score import average_precision

HERE = Path(__file__).parent
BATCH = 16
LEARNING_RATE = 3e-3
CALM = 0.1  # share of the epochs, at the end, that see pictures as they are (only mirrored)
NAMES = ("boxes", "objectness", "scores")


class Training:
    """A network, its running average, and all that an epoch needs and changes."""

    def __init__(self, data: Pictures, epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.data, self.epochs, self.epoch = data, epochs, 0
        self.random = torch.Generator().manual_seed(seed)
        self.net = HelmetDetector().to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net)
        self.steps = len(data) // BATCH
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), LEARNING_RATE, weight_decay=0.02, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, LEARNING_RATE, epochs * self.steps, pct_start=0.1
        )

    def parts(self) -> dict[str, torch.nn.Module | torch.optim.Optimizer]:
        """What is saved between epochs."""
        return {"net": self.net, "mean": self.mean, "optimizer": self.optimizer}

    def save(self, path: Path) -> None:
        """Write everything, at once or not at all."""
        state = {name: part.state_dict() for name, part in self.parts().items()}
        state |= {"schedule": self.schedule.state_dict(), "epoch": self.epoch}
        state["random"] = self.random.get_state()
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.schedule.load_state_dict(state["schedule"])
        self.random.set_state(state["random"])
        self.epoch = state["epoch"]

    def run_epoch(self) -> float:
        """One pass over the pictures; the mean loss."""
        self.net.train()
        is_calm = self.epoch >= self.epochs * (1 - CALM)
        order, total = torch.randperm(len(self.data), generator=self.random), 0.0
        for step in range(self.steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            x, boxes = normalised(self.data.pixels[chosen]), self.data.boxes[chosen]
            x, boxes = varied(x, boxes, self.random, is_calm=is_calm)
            loss = loss_of(self.net(x.contiguous(memory_format=torch.channels_last)), boxes)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
            self.optimizer.step()
            self.schedule.step()
            self.average()
            total += loss.item()
        self.epoch += 1
        return total / self.steps

    @torch.no_grad()
    def average(self) -> None:
        """The exponential moving average of weights and statistics, faster at the start."""
        done = self.schedule.last_epoch
        decay = min(0.998, done / (done + 20))
        mine, theirs = (
            [v for v in net.state_dict().values() if v.dtype.is_floating_point]
            for net in (self.mean, self.net)
        )
        torch._foreach_lerp_(mine, theirs, 1 - decay)


def train(data: Path, epochs: int, stop: int, seed: int, state: Path) -> Training:
    """Trains until `stop` of `epochs`; AP of the validation split is printed on the way."""
    torch.set_num_threads(1)  # repeatable
    torch.use_deterministic_algorithms(True)
    training, held_out = Training(packed(data, 0), epochs, seed), packed(data, 1)
    if state.is_file():
        training.resume(state)
        print(f"going on after epoch {training.epoch} of {state}", flush=True)
    begin = time.monotonic()
    while training.epoch < stop:
        loss = training.run_epoch()
        training.save(state)
        line = f"epoch {training.epoch}: loss {loss:.3f}, {time.monotonic() - begin:.0f} s"
        if training.epoch % 4 == 0 or training.epoch == stop:
            all_, half = average_precision(training.mean.eval(), held_out)
            line += f"; AP {all_:.4f}, AP50 {half:.4f}"
        print(line, flush=True)
    return training


def export(net: HelmetDetector, path: Path) -> None:
    """Write the ONNX file, with nothing of this machine in it."""
    program = torch.onnx.export(
        net,
        (torch.zeros(1, 3, HEIGHT, WIDTH),),
        input_names=["picture"],
        output_names=[f"{name}{stride}" for stride in (8, 16) for name in NAMES],
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    rename(model.graph)
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString(deterministic=True))


def rename(graph: onnx.GraphProto) -> None:
    """Convolutions are called as their module, what follows them adds its operator's name."""
    kept = {value.name for value in (*graph.input, *graph.output)}
    names = {name: name for name in kept}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        source = node.input[1] if node.op_type in ("Conv", "Add") else node.input[0]
        node.name = source.removesuffix(".weight").removesuffix(".0")
        if node.op_type != "Conv":
            node.name += f".{node.op_type.lower()}"
        node.output[0] = names.setdefault(node.output[0], node.name)


def main() -> None:
    """Train, score, export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="the packed set, an .npz file")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--stop", type=int, help="an earlier epoch to stop after, to go on later")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, default=Path("helmets.state"))
    parser.add_argument("--out", type=Path, default=HERE / "helmets.onnx")
    options = parser.parse_args()
    stop = options.stop or options.epochs
    training = train(options.data, options.epochs, stop, options.seed, options.state)
    if training.epoch < options.epochs:
        return
    export(training.mean.eval(), options.out)
    print(f"written to {options.out} ({options.out.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
