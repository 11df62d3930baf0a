"""Numbers and names as people read them, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mcucc.base.names import short_paths

if TYPE_CHECKING:  # NumPy comes with them, and the command line starts without
    from mcucc.evaluate.slices import Slices
    from mcucc.quantize.border import BorderFacts
    from mcucc.quantize.candidates import Quality
    from mcucc.quantize.split_outputs import SplitOutput
    from mcucc.report.facts import ConstantOutputFacts, RecognisedFacts, Report
    from mcucc.report.nodes import NodeFacts
    from mcucc.report.plan import PlanFacts, SplitFacts

NAMED_WIDE = 4  # tensors that a line names
SUFFIXES = (("G", 10**9), ("M", 10**6), ("k", 10**3))


def short_names(report: Report) -> dict[str, str]:
    """Short different names of the layers and tensors of a report."""
    names = [node.name for node in report.nodes]
    names += [node.tensor for node in report.nodes]
    names += [buffer.tensor for buffer in report.memory.buffers]
    return short_paths(dict.fromkeys(names))


def short_step(short: Mapping[str, str], names: Sequence[str]) -> str:
    """A step by its first and last layer."""
    first, last = short.get(names[0], names[0]), short.get(names[-1], names[-1])
    return first if len(names) == 1 else f"{first} … {last}"


def kernel_words(node: NodeFacts) -> str:
    """What computes a layer: op, variant, and how its sums become int8.

    Variants of a core's own kernels say the latter by themselves, after a comma.
    """
    variant, form = node.variant, node.requantization
    words = variant if "," in variant or not form else f"{variant}, {form}"
    return f"{node.op} ({words})"


def weight_words(report: Report) -> list[str]:
    """How many layers store their weights in how many bits; no line where all are 8."""
    nodes = [node for node in report.nodes if node.weight_bytes]
    kinds = sorted({node.weight_bits for node in nodes}, reverse=True)
    if all(bits == 8 for bits in kinds):
        return []
    parts = []
    for bits in kinds:
        found = [node.weight_bytes for node in nodes if node.weight_bits == bits]
        parts.append(f"{bits} bits in {len(found)} layers, {sum(found):,} bytes with tables")
    return [f"weights of {'; of '.join(parts)}"]


def precision_words(report: Report) -> list[str]:
    """Which tensors are int16; no line where none is."""
    wide = [node for node in report.nodes if node.value_bits > 8]
    if not wide:
        return []
    short = short_names(report)
    names = ", ".join(short.get(node.name, node.name) for node in wide[:NAMED_WIDE])
    more = f" and {len(wide) - NAMED_WIDE} more" if len(wide) > NAMED_WIDE else ""
    return [f"16 bits in {len(wide)} of {len(report.nodes)} tensors, those of {names}{more}"]


def recognised_words(found: RecognisedFacts | None) -> list[str]:
    """Lines of what the outputs were recognised as, none where they were not."""
    if found is None:
        return []
    convention = f"; {'; '.join(found.assumed)}" if found.assumed else ""
    return [
        f"its outputs decode boxes: they are decoded by nodes of mcucc instead, from the raw "
        f"heads: {found.words}{convention} (--raw-outputs keeps the file's own)",
        f"proved: {found.proof}",
    ]


def answer_words(report: Report) -> list[str]:
    """A line an answer: what the output says; none without [output]."""
    return [f"{each.output} says: {each.says}" for each in report.answers]


def merged_words(report: Report) -> list[str]:
    """A line of the branches of the file that are one layer; no line where none are."""
    if not report.merged:
        return []
    first = report.merged[0]
    short = short_paths(first.parts)
    parts = sum(len(each.parts) for each in report.merged)
    return [
        f"branches that are added are computed at once: {parts} layers of the file as "
        f"{len(report.merged)}, the first of {', '.join(short[part] for part in first.parts)}"
    ]


def chosen_words(report: Report) -> list[str]:
    """A line of what the quantizer chose and how its ways did, if it had several."""
    chosen = report.chosen
    if chosen is None:
        return []
    where = "the calibration pictures"
    if chosen.pictures:
        where = f"{chosen.pictures} calibration pictures held back"
    ways = "; ".join(_way(quality) for quality in chosen.candidates)
    return [f"quantized by {chosen.name}: noise of the outputs on {where}: {ways}"]


def _way(quality: Quality) -> str:
    divergence = "" if quality.kl is None else f", KL divergence {quality.kl:.4f}"
    return f"{quality.name} {quality.snr_db:.1f} dB below them{divergence}"


def border_words(report: Report) -> list[str]:
    """A line a layer that pads a normalised picture: how, and what is left of the error."""
    short = short_names(report)
    return [f"border of {short.get(b.layer, b.layer)}: {_border(b)}" for b in report.borders]


def _border(border: BorderFacts) -> str:
    from mcucc.quantize.border import BIASES, LAYER

    if border.padding == BIASES:
        return f"exact, by {border.biases} sets of biases"
    if border.padding == LAYER:
        return "exact, the normalisation is this layer of its own"
    return (
        f"padded with the zero point, {border.error:.2f} output steps off where rounding costs "
        f"{border.inside:.2f} everywhere"
    )


def amount(count: float, unit: str = "") -> str:
    """A count in three to four digits: 17.2 M, 930, 13.2 k."""
    text = f"{count:,.0f}"
    for suffix, size in SUFFIXES:
        if count >= size:
            scaled = count / size
            text = f"{scaled:,.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {suffix}"
            break
    return f"{text} {unit}".rstrip()


def kilobytes(count: float) -> str:
    """kB = 1000 bytes, one decimal."""
    return f"{count / 1000:,.1f} kB"


def split_words(split: SplitFacts) -> str:
    """A channel split of a stage of the report's plan."""
    return f"split into {split.groups} groups of {split.channels} channels"


def printable(text: str) -> str:
    """`text` with every character that a reader would obey, or not see, as a `?`.

    Names of files and of what is in them are untrusted: they could retitle a terminal or move its
    cursor, or (bidirectional controls) show other text than there is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def constant_output_words(constant: ConstantOutputFacts, model: str) -> str:
    """Where an output is that nothing computes."""
    size = "x".join(map(str, constant.shape)) or "one value"
    place = "no table is written"
    if constant.symbol:
        place = f"the table {constant.symbol} of {model}_constants.h has it"
    return (
        f"output {constant.name} ({size}, {constant.dtype}) is the same for every picture and not "
        f"computed: {place}"
    )


def split_output_words(split: SplitOutput) -> str:
    """What an output of the file is written as, where one scale would not do."""
    parts = [
        f"{part.name} ({part.begin}..{part.end - 1} of axis {split.file_axis}, "
        f"{part.low:.4g} to {part.high:.4g}, scale {part.scale:.4g})"
        for part in split.parts
    ]
    return (
        f"output {split.output} is written as {', '.join(parts[:-1])} and {parts[-1]}: under "
        "one scale the smaller values would lose most of their bits"
    )


def slice_words(worst: Slices) -> str:
    """The worst slice of the outputs."""
    ratio = "equal to the float network's"
    if worst.snr_db is not None:
        ratio = f"{worst.snr_db:.1f} dB signal to noise"
    return f"{worst.slice} of {worst.output}, {ratio} (of {worst.count})"


def dead_words(worst: Slices) -> str:
    """What int8 loses of the outputs altogether."""
    return (
        f"{worst.dead} of {worst.count} slices of the outputs are one constant in int8 and "
        f"vary in float, first in {worst.dead_output} (values up to "
        f"{worst.dead_largest:.4g}): their scale is that of larger values beside them"
    )


def objective_words(plan: PlanFacts) -> list[str]:
    """A line an objective: which plan of those found it takes; none where no search ran."""
    return [
        f"--objective {each.objective}: SRAM {kilobytes(each.sram)}, {each.slowdown:.2f} times the "
        f"fastest plan's estimated time, F {each.factor:.2f}{' (this plan)' if each.chosen else ''}"
        for each in plan.objectives
    ]


def row_words(report: Report) -> list[str]:
    """What a sensor's pace asks for; nothing where no rows were counted."""
    rows = report.camera_rows
    if rows is None:
        return []
    average = rows.average_us
    assumed = (
        f"at {rows.clock_hz / 1e6:g} MHz and {rows.cycles_per_instruction:g} cycles an instruction"
        " (assumed)"
    )
    pace = rows.wanted
    if pace is not None:
        frame = rows.height * pace.period_us
        return [
            f"lines {pace.period_us:g} us apart, {1e6 / frame:.1f} frames a second: {pace.buffers} "
            f"line buffers of {rows.row_bytes:,} bytes {assumed}",
            f"the run ends {abs(pace.tail_us):,.0f} us {'after' if pace.tail_us > 0 else 'before'} "
            "the frame's last line: a sensor that pauses less between frames loses every second",
        ][: 2 if pace.tail_us > 0 else 1]
    paces = ", ".join(f"{each.buffers} at {each.period_us:,.0f} us" for each in rows.paces[2:])
    return [
        f"a row takes {average:,.0f} us on average {assumed}; line buffers of {rows.row_bytes:,} "
        f"bytes: {paces} a line, not counted (--line-period)"
    ]
