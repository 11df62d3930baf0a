"""Somebody else's runtime on the user's own file: the truth that a network is compared with."""
