"""What the verbs of the command line and of `import mcucc` do, one file a verb.

| file | what it is |
| --- | --- |
| `load` | model file to integer network: the front half of compile, plan and analyze |
| `compile`, `plan`, `analyze`, `run`, `validate`, `doctor` | the verbs |
| `folder`, `manifest`, `network_file` | the output folder, both ways: what stands where in it |
| `samples` | pictures, arrays or noise as samples, to calibrate on and to run |
| `limits`, `measure` | whether a network fits its board; what linking and emulating tell of it |
| `rows` | a sensor's pace: line buffers, NAME_LINE_BUFFERS |
| `tools` | whether compiler and emulator are there |
| `target`, `choice` | a board as a plan sees it; what a report says of the plans not chosen |
| `docs_ops` | docs/ops.md |

Only `mcucc.api` and `mcucc.cli` import it.
"""
