"""A channel split: an inverted bottleneck computed group by group, its rule in one room."""
