"""Mistakes in `[output]`: the first are wrong whatever the network is, the last do not fit it."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.project import TOML, Project
from tests.cli.wrong import Words, Wrong, compiling, written
from tests.frontends.onnx_nets import Net

BOXES = '[output.boxes]\ndecoder = "yolov3"\nclasses = ["cat", "dog"]\n'
HEAD = BOXES + '[[output.boxes.heads]]\ntensor = "large"\nanchors = [[4, 8], [10, 6]]\n'
SSD = '[output.boxes]\ndecoder = "ssd"\n[[output.boxes.heads]]\n'


def detector(n: Net) -> list[str]:
    """Two maps of three channels each, one of 14, and scores of three classes."""
    x = n("Relu", n.conv("image", 3, 8, 3, strides=[2, 2]))
    large = n("Identity", n.conv(x, 8, 14, 1), out="large")
    small = n(
        "Identity", n.conv(n("Relu", n.conv(x, 8, 8, 3, strides=[2, 2])), 8, 3, 1), out="small"
    )
    scores = n("Gemm", n("Flatten", n("GlobalAveragePool", x)), n.weights(8, 3), out="scores")
    return [large, small, scores]


def saying(text: str) -> Callable[[Project], Words]:
    """compile of a detector with this [output]."""

    def command(project: Project) -> Words:
        n = Net([1, 3, 14, 12])
        model = n.save(project.folder, *detector(n))
        written(project, "net.toml", TOML + text)
        return compiling(project, model=model)

    return command


OUTPUT_TABLES = (
    Wrong("a task that does not exist", saying("[output.box]\n"), ("'box'", "boxes, classes")),
    Wrong("no decoder", saying("[output.boxes]\n"), ("output.boxes: the key 'decoder'", "yolov8")),
    Wrong(
        "a decoder that does not exist",
        saying('[output.boxes]\ndecoder = "yolo"\n'),
        ("output.boxes.decoder", "'yolo'", "yolov8"),
    ),
    Wrong(
        "a key of boxes with a typing error",
        saying(BOXES + "treshold = 0.3\n"),
        ("output.boxes: unknown key 'treshold'", "threshold"),
    ),
    Wrong(
        "a threshold in percent",
        saying(BOXES + "threshold = 30\n"),
        ("output.boxes.threshold", "between 0 and 1", "30"),
    ),
    Wrong(
        "an overlap that is a text",
        saying(BOXES + 'overlap = "0.5"\n'),
        ("output.boxes.overlap: expected a number, got '0.5'",),
    ),
    Wrong(
        "more boxes than an answer holds",
        saying(BOXES + "most = 5000\n"),
        ("output.boxes.most", "1 to 1000"),
    ),
    Wrong(
        "fewer candidates than boxes",
        saying(BOXES + "candidates = 5\n"),
        ("output.boxes.candidates", "20"),
    ),
    Wrong(
        "a class that is there twice",
        saying(BOXES.replace("dog", "cat")),
        ("output.boxes.classes[1]", "twice"),
    ),
    Wrong(
        "names of points that are not as many",
        saying(BOXES + 'points = 5\npoint_names = ["nose"]\n'),
        ("output.boxes.point_names", "1 names of 5 points"),
    ),
    Wrong(
        "three variances",
        saying(SSD.replace("[[", "variances = [0.1, 0.1, 0.2]\n[[") + 'tensor = "large"\n'),
        ("output.boxes.variances: 3 numbers",),
    ),
    Wrong(
        "a head that names no tensor",
        saying(BOXES + "[[output.boxes.heads]]\nanchors = [[4, 8]]\n"),
        ("output.boxes.heads[0]", "names no tensor"),
    ),
    Wrong(
        "a head with two names for the same",
        saying(HEAD + 'scores = "small"\n'),
        ("output.boxes.heads[0]", "tensor and scores are both given"),
    ),
    Wrong(
        "anchors of three numbers",
        saying(HEAD.replace("[4, 8]", "[4, 8, 1]")),
        ("output.boxes.heads[0].anchors[0]: 3 numbers", "[width, height]"),
    ),
    Wrong(
        "an anchor of no width",
        saying(HEAD.replace("[4, 8]", "[0, 8]")),
        ("output.boxes.heads[0].anchors[0]", "no length"),
    ),
    Wrong(
        "a tensor that the network does not have",
        saying(HEAD.replace("large", "larger")),
        ("output.boxes.heads[0].tensor", "'larger'", "close to it: large"),
    ),
    Wrong(
        "an input named as a head",
        saying(HEAD.replace("large", "image")),
        ("output.boxes.heads[0].tensor: 'image' is an input",),
    ),
    Wrong(
        "anchors that the decoder needs and nobody gives",
        saying(BOXES),
        ("output.boxes.heads", "yolov3 has anchors", "large"),
    ),
    Wrong(
        "another number of classes than the map has",
        saying(HEAD.replace('"dog"', '"dog", "cow"')),
        ("output.boxes.heads[0].tensor: large has 14 channels", "2 anchors", "3 scores"),
    ),
    Wrong(
        "another number of anchors than the map has",
        saying(HEAD.replace("[4, 8], ", "[4, 8], [6, 6], ")),
        ("output.boxes.heads[0].tensor: 14 channels", "3 anchors"),
    ),
    Wrong(
        "two maps of a head that do not lie over each other",
        saying(SSD + 'boxes = "large"\nscores = "small"\nanchors = [[4, 8]]\n'),
        ("output.boxes.heads[0]", "small is 4x3, its boxes 7x6"),
    ),
    Wrong(
        "anchors from an output that does not exist",
        saying(SSD + 'tensor = "large"\nanchors_from = "anchors"\n'),
        ("output.boxes.heads[0].anchors_from", "'anchors'"),
    ),
    Wrong(
        "maps whose channels do not say what they are",
        saying('[output.boxes]\ndecoder = "yolov8"\n'),
        ("output.boxes", "channels"),
    ),
    Wrong(
        "classes without an output, of several",
        saying('[output.classes]\nclasses = ["a", "b", "c"]\n'),
        ("output.classes: which output", "large, small, scores", "tensor ="),
    ),
    Wrong(
        "too few classes",
        saying('[output.classes]\ntensor = "scores"\nclasses = ["a", "b"]\n'),
        ("output.classes.classes: 2 names", "3 channels"),
    ),
    Wrong(
        "a map where a vector is meant",
        saying('[output.embedding]\ntensor = "small"\n'),
        ("output.embedding.tensor: small is a map of 4x3",),
    ),
    Wrong(
        "a mask with a function that there is not",
        saying('[output.mask]\ntensor = "small"\nscore = "softmax"\n'),
        ("output.mask.score", "identity, sigmoid"),
    ),
    Wrong(
        "points of a heat map and of a vector",
        saying('[output.keypoints]\nheatmap = "small"\ntensor = "scores"\n'),
        ("output.keypoints: heatmap and tensor are both given",),
    ),
)
