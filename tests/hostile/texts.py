"""Texts that try to leave where they are written, and what tells that one did."""

from __future__ import annotations

import re

MARK = "PWNED"
# Each ends a comment, a string, a line, an attribute, or makes a reader do something.
TEXTS = (
    f"*/ {MARK} /*",
    f"x\\\n{MARK}",
    f'"; {MARK}; "',
    f"??/\n{MARK}",
    f"// \r\n{MARK}",
    f"]=] ]] {MARK} #[[",
    f"${{{MARK}}} $<{MARK}> $(echo {MARK}) `{MARK}` %s%n",
    f"{{{{ {MARK} }}}} {{% {MARK} %}}",
    f"<script>{MARK}</script>' \" onload={MARK} -->",
    f"\x1b]0;{MARK}\x07 \x1b[2J \x9b31m [/red] [bold]{MARK}",
    f"\u202e{MARK}\u2066 \u2028{MARK} \x85 \x00",
    f"'; {MARK}: &a *a |\n- {MARK}",
    f"=cmd|' /C {MARK}'!A0",
    f"../../{MARK}",
)
EVERYTHING = " ".join(TEXTS)
# Those that would end, open or continue a comment or a string of C.
LEAVING = tuple(text for text in TEXTS if re.search(r'[^ -~]|[\\"]|\*/|/\*|\?\?', text))
_LEXEMES = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.S
)
_TRIGRAPHS = {"=": "#", "/": "\\", "'": "^", "(": "[", ")": "]", "!": "|", "<": "{", ">": "}"}
_TRIGRAPHS["-"] = "~"


def c_code(text: str) -> str:
    """C as a compiler sees it: no comments, strings empty, trigraphs and lines spliced."""
    text = re.sub(r"\?\?([=/'()!<>-])", lambda m: _TRIGRAPHS[m[1]], text)
    text = text.replace("\\\n", "")
    return _LEXEMES.sub(lambda m: " " if m["comment"] else '""', text)


def shape_of(code: str) -> list[str]:
    """The code's tokens, every word and number being the same.

    A list that long names break over lines has a comma before its brace.
    """
    code = re.sub(r",(\s*})", r"\1", code)
    return re.findall(r"W|[^\sW]", re.sub(r"[A-Za-z0-9_.]+", "W", code))
