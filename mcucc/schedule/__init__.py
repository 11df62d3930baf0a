"""When each op runs, and where each tensor lies in the arena."""
