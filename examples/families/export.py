"""Write the families as ONNX files, each with the TOML of its pictures.

pip install torch onnxscript
python examples/families/export.py build/families [NAME ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attention  # noqa: F401  (each file registers its families)
import detectors  # noqa: F401
import maps  # noqa: F401
import mobile  # noqa: F401
import plain  # noqa: F401
from registry import FAMILIES, export


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of families; all of them if none")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(FAMILIES))
    if unknown:
        parser.error(f"no such family: {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names or FAMILIES:
        print(export(FAMILIES[name], options.folder))


if __name__ == "__main__":
    main()
