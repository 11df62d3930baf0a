"""Which C kernel computes a node on which core: variants, their proofs, packing and cost."""
