"""The channel split: an expand - depthwise - project block computed group by group of channels.

`rewrite` puts two nodes in the place of a block's three where a plan says so; `block` cuts the
weights and is the kernel of the first of them. Outside this room nobody knows a split by its class:
`Granularity.BLOCK` and what a `Kernel` says of its parts is all there is. The kernels of the sums
and their C variants stand with all others, in `ops.common.partial_sums` and `kernels`; how plans
with splits are looked for is `search.views`.
"""
