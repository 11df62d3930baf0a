"""docs/ops.md says what the registry says."""

from pathlib import Path

from mcucc.driver.docs_ops import ops_table


def test_the_table_of_ops_is_up_to_date() -> None:
    stored = Path(__file__).parents[2] / "docs" / "ops.md"
    assert stored.read_text(encoding="utf-8") == ops_table()
