"""Pictures and arrays become the samples that networks read."""
