"""Masks as labels: a PNG beside each picture whose bytes, grey or of a palette, are classes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mcucc.errors import DataError
from mcucc.images.labels import Labels, Truth

FORM = "masks"
IGNORED = 255
LARGEST = 64_000_000  # pixels
MODES = ("L", "P", "1")
HINT = "a mask is a PNG of 8 bits, grey or with a palette, whose bytes are classes; 255: ignored"


def read_masks(folder: Path, pictures: Mapping[str, str]) -> Labels:
    """Labels of `pictures` (name: its path below the pictures, without suffix) in `folder`."""
    files = {name: folder / f"{stem}.png" for name, stem in pictures.items()}
    truths = {name: Truth(mask=file) for name, file in files.items() if file.is_file()}
    return Labels(folder, FORM, truths)


def read_mask(file: Path) -> npt.NDArray[np.uint8]:
    """The classes (H, W) of a mask; DataError for what is no PNG of 8 bits or larger than LARGEST.

    Of 1 bit: 0 and 1.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG",)) as image:
                if image.width * image.height > LARGEST:
                    raise DataError(
                        f"{image.width}x{image.height} pixels are too many", where=str(file)
                    )
                if image.mode not in MODES:
                    raise DataError(f"the mask has mode {image.mode}", where=str(file), hint=HINT)
                return np.array(image, dtype=np.uint8)
    except DataError:
        raise
    # Pillow's decoders raise what they like on broken files.
    except Exception as error:
        raise DataError(f"cannot decode this mask: {error}", where=str(file), hint=HINT) from error
