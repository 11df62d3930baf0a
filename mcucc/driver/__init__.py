"""The verbs of the command line, and the folder that `compile` writes."""
