"""The C library in the shape that an ecosystem expects. One ecosystem is one file of this package.

A file's name is the ecosystem's on the command line (`esp_idf.py` is esp-idf); it defines
`files(library)`, which returns path to text or bytes, and may define `check(board)`. Beside them
stand library.py, what an export is made from, and expected.py, what its example prints.
"""

from mcucc.exports.library import (
    Example,
    Library,
    Trial,
    check_export,
    export_names,
    export_to,
)

__all__ = ["Example", "Library", "Trial", "check_export", "export_names", "export_to"]
