"""The tensors that a network is to end at instead of its file's outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from mcucc.errors import ModelError

OPTION = "--outputs"
_MOST_SHOWN = 5


def named_outputs(
    wanted: Sequence[str], computed: Collection[str], others: Mapping[str, str], where: str
) -> tuple[str, ...]:
    """The tensors of the file that `wanted` names, each once, in that order.

    A text is a name or several with commas between. `others` says what tensors are that cannot
    be ends. Raises one ModelError for all names that are wrong, with close matches.
    """
    names = [
        name.strip()
        for text in wanted
        for name in ([text] if text in computed else text.split(","))
    ]
    names = list(dict.fromkeys(name for name in names if name))
    wrong = [why_not(name, computed, others) for name in names if name not in computed]
    if not names:
        wrong = ["no name is given"]
    if wrong:
        raise ModelError(
            f"{OPTION}: {'; '.join(wrong)}",
            where=where,
            hint=f"name tensors that the network computes: {OPTION} NAME,...",
        )
    return tuple(names)


def why_not(name: str, computed: Collection[str], others: Mapping[str, str]) -> str:
    """Why a network cannot end at `name`, with close matches."""
    close = get_close_matches(name, list(computed), _MOST_SHOWN, 0.5)
    close = [n for n in computed if name in n][:_MOST_SHOWN] or close
    found = f"{name!r} is {others[name]}" if name in others else f"there is no tensor {name!r}"
    return found + (f" (close to it: {', '.join(close)})" if close else "")


def check_inner(
    keys: Mapping[str, str], computed: Collection[str], others: Mapping[str, str], where: str
) -> None:
    """ModelError for the first tensor, by name, that the network does not compute.

    `keys` says what names it.
    """
    for name, key in keys.items():
        if name not in computed:
            raise ModelError(
                f"{key}: {why_not(name, computed, others)}",
                where=where,
                hint="name outputs of the network, or tensors that it computes",
            )
