"""The planner's table: bytes at a cost, and fronts held against earlier ones."""

from benchmarks.planner import HEAD, Found, compared, fronts, row, verdicts
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.quantize.lower import lower
from tests.graphs import Builder

NOW = Found(7, 0.5, ((900, 1.1, 500.0, 900), (1000, 1.0, 400.0, 980)), 380.0)


def test_bytes_at_a_cost_are_those_of_the_smallest_plan_within_it() -> None:
    assert NOW.bytes_at(1.0, "macs") == 1000
    assert NOW.bytes_at(1.1, "macs") == 900
    assert NOW.bytes_at(0.9, "macs") is None
    assert NOW.bytes_at(499.0, "time") == 1000
    assert NOW.bytes_at(500.0, "time") == 900


def test_an_earlier_front_is_judged_point_by_point_at_equal_cost() -> None:
    earlier = [(890, 1.1, 500.0), (1000, 1.0, 400.0), (950, 1.2, 600.0), (5000, 0.9, 300.0)]
    assert verdicts(NOW, earlier, "macs") == {"better": 1, "equal": 1, "worse": 2}
    said = compared("net", {"macs": NOW}, {"net macs": {"points": earlier, "cpu": 2.0}})
    assert said == ["  macs: 1 better, 1 equal, 2 worse; CPU 2.0 -> 0.5 s"]
    assert compared("other", {"macs": NOW}, {"net macs": {"points": earlier, "cpu": 2.0}}) == []


def test_a_front_is_as_good_as_itself() -> None:
    b = Builder(12, 12, 3)
    x = b.block(b.conv("image", 8, 3, 2), 2, 8, 3, 1)
    found = fronts(lower(b.graph(b.node(GlobalAveragePool(), x))))
    for kind, front in found.items():
        assert verdicts(front, front.points, kind) == {
            "better": 0,
            "equal": len(front.points),
            "worse": 0,
        }
    assert row("net", found).count("|") == HEAD.count("|")
    assert "-" not in row("net", found)  # some plan keeps to every cost of the table
