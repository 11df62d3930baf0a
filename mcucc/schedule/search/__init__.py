"""Which plan: the front of memory against time, and the choice from it."""
