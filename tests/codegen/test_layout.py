"""Long lines of generated C are broken where C may be, never within a string."""

from mcucc.codegen.layout import COLUMNS, folded


def test_calls_break_between_arguments() -> None:
    text = "    mcucc_conv2d(&first_params, window, mcucc_row(arena, &first_tensor, row), &span);"
    long = text.replace("first", "a_layer_with_quite_a_name")
    lines = folded(long).split("\n")
    assert len(lines) > 1 and max(map(len, lines)) <= COLUMNS
    assert " ".join(line.strip() for line in lines) == long.strip()


def test_a_parenthesis_within_a_string_breaks_nothing() -> None:
    line = '    {"' + "serving_default(image, x), " * 6 + '", 9, 7, 3, 0.0039f, 58, 40},'
    assert len(line) > COLUMNS
    assert folded(line) == line
