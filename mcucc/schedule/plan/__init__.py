"""What a plan and a program are, and the independent replay of a program."""
