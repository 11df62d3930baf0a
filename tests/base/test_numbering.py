"""Numbers for names that ten thousand things share."""

from mcucc.base.names import distinct, short_paths
from mcucc.base.numbering import first_free


def test_the_least_free_number_of_a_run_without_gaps() -> None:
    for taken in range(40):
        assert first_free(lambda n, k=taken: 2 <= n < 2 + k, 2) == 2 + taken  # type: ignore[misc]


def test_few_looks_for_many_names() -> None:
    looks: list[int] = []

    def taken(number: int) -> bool:
        looks.append(number)
        return number < 100_000

    assert first_free(taken, 1) == 100_000
    assert len(looks) < 60


def test_equal_and_long_names_in_bounded_time() -> None:
    names = distinct(dict.fromkeys(range(20000), "conv"))
    assert names[0] == "conv" and names[19_999] == "conv_20000"
    paths = [f"model/layer{i}/a_part_of_a_long_name/n{i}" for i in range(2000)]
    assert len(set(short_paths(paths).values())) == 2000
