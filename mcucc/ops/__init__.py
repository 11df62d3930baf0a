"""One op, one file: attributes, shape rule, window, MACs, float and int8 reference, kernel."""
