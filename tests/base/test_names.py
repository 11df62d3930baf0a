"""Names from a model are untrusted: whatever they hold, C sees harmless identifiers."""

import re

import hypothesis.strategies as st
from hypothesis import example, given, settings

from mcucc.base.names import (
    MAX_LENGTH,
    comment,
    identifier,
    identifiers,
    short_identifiers,
    string,
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=80))
@example("")
@example("int")
@example('"); system("rm -rf /"); //')
@example("../../etc/passwd")
def test_every_text_becomes_an_identifier(text: str) -> None:
    assert re.fullmatch(rf"[a-z][a-z0-9_]{{0,{MAX_LENGTH + 1}}}", identifier(text))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=10), unique=True))
def test_different_names_stay_different(texts: list[str]) -> None:
    names = identifiers(texts)
    assert len(set(names.values())) == len(texts)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=60))
@example("*/ int x; /*")
@example("??/\n")
def test_comments_cannot_be_left(text: str) -> None:
    safe = comment(text)
    assert "*/" not in safe
    assert "/*" not in safe
    assert "??" not in safe
    assert safe.isascii()
    assert safe.isprintable() or not safe


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=60))
@example('a"b\\')
def test_strings_cannot_be_left(text: str) -> None:
    inside = re.sub(r'\\[\\"]', "", string(text))
    assert '"' not in inside
    assert "\\" not in inside


def test_the_telling_end_of_a_long_name_is_kept() -> None:
    name = "/features/features.0/" + "x" * 60 + "/depthwise/Conv_output_0"
    assert identifier(name).endswith("depthwise_conv_output_0")


def test_paths_lose_what_most_names_repeat() -> None:
    names = [
        f"blocks/{block}/mobile_inverted_conv/{layer}"
        for block in range(3)
        for layer in (
            "inverted_bottleneck/Relu6",
            "depth_conv/Relu6",
            "point_linear/bn/BatchNormV3",
        )
    ]
    short = short_identifiers([*names, "first_conv/Relu6"])
    assert short[names[3]] == "blocks_1_inverted_bottleneck"
    assert short[names[4]] == "blocks_1_depth_conv_relu6"
    assert short[names[5]] == "blocks_1_point_linear_bn"
    assert short["first_conv/Relu6"] == "first_conv_relu6"


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.text("ab/0;: ", max_size=60), unique=True))
def test_short_names_of_different_texts_stay_different(texts: list[str]) -> None:
    names = short_identifiers(texts)
    assert sorted(names) == sorted(texts)
    assert len(set(names.values())) == len(texts)
