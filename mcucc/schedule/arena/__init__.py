"""Offsets for buffers that live at certain times: the least arena. Knows nothing of the rest."""
