"""The templates of everything a compiler or a build system reads, and what they may print."""

from __future__ import annotations

import re
from functools import cache

import jinja2
from markupsafe import Markup

from mcucc.base.package_data import resource_dir

_SAFE = re.compile(r'(?:[ !#-\[\]-~]|\\")*')  # printable ASCII, quotes escaped
_LEAVES = re.compile(r"\*/|/\*|\?\?")  # ends or opens a comment, trigraphs


@cache
def environment() -> jinja2.Environment:
    """Jinja with the project's templates; an undefined name is an error.

    Every value that a template prints goes through `printed`.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,  # macros make Markup then, which `printed` knows from text
        finalize=printed,
    )


def printed(value: object) -> Markup:
    """What a template prints: a number, or text that cannot leave a comment or a string.

    The gate behind `identifier`, `comment` and `string`: ValueError (a defect of mcucc) for text
    that went past them. What macros made of such values is taken as it is.
    """
    if isinstance(value, Markup):
        return value
    text = str(value)
    if not _SAFE.fullmatch(text) or _LEAVES.search(text):
        raise ValueError(f"unescaped text on its way into a generated file: {text[:80]!r}")
    return Markup(text)
