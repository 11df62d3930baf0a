"""Readers of model files: foreign op by foreign op into a Graph."""
