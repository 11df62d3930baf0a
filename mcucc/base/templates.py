"""The one place where Jinja is set up, and what templates of code may print."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import jinja2
from markupsafe import Markup

from mcucc.base.package_data import resource_dir

_SAFE = re.compile(r'(?:[ !#-\[\]-~]|\\")*')  # printable ASCII, quotes escaped
_LEAVES = re.compile(r"\*/|/\*|\?\?")  # ends or opens a comment, trigraphs


def environment(
    finalize: Callable[[object], object], *, keep_trailing_newline: bool = True
) -> jinja2.Environment:
    """Jinja with the project's templates; `finalize` sees every value that a template prints.

    An undefined name is an error, and values are escaped as HTML.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=keep_trailing_newline,
        autoescape=True,
        finalize=finalize,
    )


@cache
def code_templates() -> jinja2.Environment:
    """The templates of everything but the report's page: every value goes through `printed`.

    What their macros made is Markup, which `printed` knows from text.
    """
    return environment(printed)


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
