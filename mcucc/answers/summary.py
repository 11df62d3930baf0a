"""An answer in a line: what an output of a compiled network says."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)

NAMED = 3  # names in a line


def summary_of(answer: Answer) -> str:
    """In words: of which classes, from which score on, how many."""
    match answer:
        case BoxesAnswer():
            points = f" with {answer.points} points each" if answer.points else ""
            return (
                f"at most {answer.most} boxes of {_names(answer.classes)}{points}, from a score of "
                f"{answer.threshold:g} on, overlap {answer.overlap:g}"
            )
        case KeypointsAnswer():
            return f"{len(answer.names)} points: {_names(answer.names)}"
        case ClassesAnswer():
            which = "any" if answer.several else "one"
            least = f", from {answer.threshold:g} on" if answer.threshold else ""
            return f"{which} of {_names(answer.classes) or 'its classes'}{least}"
        case MaskAnswer():
            return f"a class a pixel: {_names(answer.classes) or 'by number'}"
        case EmbeddingAnswer():
            return "a vector that is compared by its direction"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
