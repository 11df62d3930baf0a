"""The walks of the search: all partial stages of a network advance together, as arrays."""
