"""Picture files and arrays of pixels as pictures, opened within bounds."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from mcucc.errors import DataError

LARGEST_PICTURE = 64_000_000  # pixels; a guard against decompression bombs
FORMATS = ("JPEG", "PNG", "BMP", "PPM", "GIF", "WEBP", "TIFF")  # no EPS, which runs a program

Source = Path | npt.NDArray[np.uint8]  # (H, W), (H, W, 1) or (H, W, 3)
Made = TypeVar("Made")


def read_picture(source: Source, use: Callable[[Image.Image], Made]) -> Made:
    """What `use` makes of a picture; DataError when it cannot be decoded, or is too large."""
    if not isinstance(source, Path):
        plain = source[:, :, 0] if source.ndim == 3 and source.shape[2] == 1 else source
        return use(Image.fromarray(plain))
    try:
        with warnings.catch_warnings():
            # Our own, tighter limit follows; Pillow's warning would only repeat it.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source, formats=FORMATS) as image:
                if image.width * image.height > LARGEST_PICTURE:
                    raise DataError(
                        f"{image.width}x{image.height} pixels are more than {LARGEST_PICTURE}",
                        where=str(source),
                    )
                return use(image)
    except DataError:
        raise
    # Pillow's decoders raise what they like on broken files (struct.error, IndexError, ...).
    except Exception as error:
        raise DataError(f"cannot decode this picture: {error}", where=str(source)) from error
