"""The facts of a compiled network, once, and the views of them."""
