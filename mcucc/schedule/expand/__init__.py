"""A plan becomes a program: every step, every buffer, how long each lives."""
