"""The C runtime (runtime_c) as files: its version, and which of them a network needs."""
