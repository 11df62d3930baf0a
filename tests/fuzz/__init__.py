"""`make fuzz`: mutated model files, each imported and lowered, or refused by an error of ours."""
