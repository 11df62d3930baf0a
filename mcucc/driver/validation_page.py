"""What `validate` leaves in the compiled folder: validate.json and validate.html."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from mcucc.driver.folder import VALIDATION, CompiledFolder
from mcucc.driver.validate import Validation
from mcucc.errors import DataError, OutputError
from mcucc.images.samples import Picture
from mcucc.report.html.validation import ValidationFacts, validation_page, wanted


def write_validation(compiled: CompiledFolder, found: Validation, facts: ValidationFacts) -> Path:
    """Write both; the page's path. OutputError where the folder cannot be written."""
    page, data = (compiled.path / name for name in VALIDATION)
    pictures = _pictures(found)
    text = validation_page(facts, found.answers, pictures)
    try:
        data.write_text(json.dumps(found.to_dict(whole=True), indent=1) + "\n", encoding="utf-8")
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputError(f"cannot write the page: {why}", where=str(compiled.path)) from error
    return page


def _pictures(found: Validation) -> dict[int, Image.Image]:
    """The pictures that the page draws on."""
    made = {}
    for index in wanted(found.answers):
        sample = found.samples[index]
        if isinstance(sample, Picture):
            try:
                made[index] = sample.shown()
            except DataError:  # gone since it was read: the page does without
                continue
    return made
