"""From a float Graph to integers: ranges, scales, biases, lowering."""
