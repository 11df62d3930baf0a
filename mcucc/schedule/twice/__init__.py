"""Nodes computed twice: a plan may compute a tensor again in place of keeping it.

`rewrite` gives the network its clones where a plan says so. A clone is a node like any other, with
the kernel of its original, whose name it has in `IntegerNode.again`; that is all that others know.
"""
