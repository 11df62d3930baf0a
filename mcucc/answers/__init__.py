"""From outputs to answers: what `[output]` says, the nodes that decode it, and what they found."""
