"""A picture to draw on: colours of classes, text that can be read on anything, panels below.

Everything is in pixels of the enlarged picture. The font is the one that Pillow brings.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

LEAST_SIDE, MOST_ZOOM = 640, 16  # small pictures are enlarged to about this length
GOLDEN = 0.6180339887498949  # steps of hue by it never come close to an earlier one
LIGHT, DARK = (255, 255, 255), (0, 0, 0)
PANEL, FAINT, TEXT = (24, 26, 31), (58, 63, 74), (236, 238, 242)
LONGEST = 28  # characters of a name
TALLEST_PANEL = 60  # rows


def colour_of(kind: int) -> Colour:
    """The colour of a class: the same in every picture, apart from its neighbours'."""
    lightness = (0.55, 0.68, 0.42)[kind % 3]
    shares = colorsys.hls_to_rgb((0.33 + kind * GOLDEN) % 1.0, lightness, 0.95)
    red, green, blue = (round(255 * share) for share in shares)
    return red, green, blue


def contrast(colour: Colour) -> Colour:
    """Black or white, whichever can be read on a colour (WCAG's relative luminance)."""
    red, green, blue = ((part / 255) ** 2.2 for part in colour)
    return DARK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else LIGHT


def printable(name: str) -> str:
    """A name on one line, cut where it is long."""
    plain = "".join(c if c.isprintable() else "?" for c in name)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 3]}..."


def zoom_of(size: tuple[int, int]) -> int:
    """By how much a picture (width, height) is enlarged: a whole number."""
    return max(1, min(MOST_ZOOM, round(LEAST_SIDE / max(size))))


@dataclass(frozen=True)
class Row:
    """A line of the panel below: a coloured square, a name, and a bar of a share (0 to 1)."""

    text: str
    colour: Colour | None = None
    share: float | None = None
    value: str = ""


@dataclass(eq=False)
class Canvas:
    """An enlarged RGB picture; `taken` are the places of texts, which do not cover each other."""

    image: Image.Image
    zoom: int
    taken: list[Rectangle] = field(default_factory=list)

    @staticmethod
    def of(picture: Image.Image) -> Canvas:
        """A copy of a picture to draw on."""
        zoom = zoom_of(picture.size)
        width, height = picture.size
        image = picture.convert("RGB")
        if zoom > 1:
            image = image.resize((width * zoom, height * zoom), Image.Resampling.BICUBIC)
        return Canvas(image, zoom)

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        """Draws on it."""
        return ImageDraw.Draw(self.image)

    @property
    def line(self) -> int:
        """A line's width."""
        return max(2, round(max(self.image.size) / 320))

    @property
    def font(self) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        """The texts' font."""
        return ImageFont.load_default(size=max(14, round(max(self.image.size) / 45)))

    def rectangle(self, box: Rectangle, colour: Colour, dash: bool = False) -> None:
        """An outline in a colour between black ones, seen on every ground."""
        left, top, right, bottom = box
        width = self.line
        if dash:
            self._dashes(box, colour)
            return
        outer = (left - 1, top - 1, max(right, left) + 1, max(bottom, top) + 1)
        self.pen.rectangle(outer, outline=DARK, width=width + 2)
        self.pen.rectangle((left, top, max(right, left), max(bottom, top)), None, colour, width)

    def _dashes(self, box: Rectangle, colour: Colour) -> None:
        left, top, right, bottom = box
        step = 5 * self.line
        for ink, width in ((DARK, self.line + 1), (colour, self.line // 2)):
            for y in (top, bottom):
                for begin in range(round(left), round(right), 2 * step):
                    self.pen.line((begin, y, min(begin + step, right), y), ink, width)
            for x in (left, right):
                for begin in range(round(top), round(bottom), 2 * step):
                    self.pen.line((x, begin, x, min(begin + step, bottom)), ink, width)

    def dot(self, x: float, y: float, colour: Colour, sure: bool = True) -> None:
        """A point: filled, or a ring where it is not sure."""
        radius = 1.6 * self.line
        ring = (x - radius - 2, y - radius - 2, x + radius + 2, y + radius + 2)
        self.pen.ellipse(ring, fill=LIGHT if sure else None, outline=DARK, width=1)
        inner = (x - radius, y - radius, x + radius, y + radius)
        self.pen.ellipse(inner, fill=colour if sure else None, outline=colour, width=self.line)

    def label(self, text: str, around: Rectangle, colour: Colour) -> None:
        """A text at a rectangle: above, below, inside it, where no other text is."""
        font, pad = self.font, 3
        box = self.pen.textbbox((0, 0), text, font=font)
        width, height = box[2] - box[0] + 2 * pad, box[3] - box[1] + 2 * pad
        tried = [self._moved_inside(x, y, width, height) for x, y in _around(around, width, height)]
        place = min(tried, key=self._covered)  # the first where nothing is
        self.taken.append(place)
        self.pen.rectangle(place, fill=colour, outline=DARK, width=1)
        at = (place[0] + pad - box[0], place[1] + pad - box[1])
        self.pen.text(at, text, fill=contrast(colour), font=font)

    def _moved_inside(self, x: float, y: float, width: float, height: float) -> Rectangle:
        most_x, most_y = self.image.width - width - 1, self.image.height - height - 1
        x, y = max(0.0, min(x, most_x)), max(0.0, min(y, most_y))
        return x, y, x + width, y + height

    def _covered(self, place: Rectangle) -> float:
        """The area of other texts under a place."""
        left, top, right, bottom = place
        return sum(
            max(0.0, min(right, other[2]) - max(left, other[0]))
            * max(0.0, min(bottom, other[3]) - max(top, other[1]))
            for other in self.taken
        )

    def with_panel(self, rows: Sequence[Row]) -> Image.Image:
        """The picture with rows below it, texts in columns where they are narrow."""
        if not rows:
            return self.image
        if len(rows) > TALLEST_PANEL:
            more = Row(f"and {len(rows) - TALLEST_PANEL + 1} more")
            rows = [*rows[: TALLEST_PANEL - 1], more]
        font = self.font
        box = self.pen.textbbox((0, 0), "Ag", font=font)
        tall = round(1.5 * (box[3] - box[1])) + 4
        wide = max(self._row_width(row, tall) for row in rows) + tall
        bars = any(row.share is not None for row in rows)  # compared by their length
        columns = 1 if bars else max(1, min(len(rows), self.image.width // wide))
        count = -(-len(rows) // columns)
        width = max(self.image.width, wide)
        made = Image.new("RGB", (width, self.image.height + tall * count + tall // 2), PANEL)
        made.paste(self.image, ((width - self.image.width) // 2, 0))
        pen = ImageDraw.Draw(made)
        for number, row in enumerate(rows):
            column, line = divmod(number, count)
            x = tall // 2 + column * (width // columns)
            y = self.image.height + tall // 4 + line * tall
            self._row(pen, row, (x, y), tall, width // columns - tall)
        return made

    def _row_width(self, row: Row, tall: int) -> int:
        text = int(self.pen.textlength(f"{row.text}  {row.value}", font=self.font))
        return text + tall * (1 + 6 * (row.share is not None))

    def _row(
        self, pen: ImageDraw.ImageDraw, row: Row, at: tuple[int, int], tall: int, width: int
    ) -> None:
        x, y = at
        middle = y + tall / 2
        if row.share is not None:
            end = x + round(width * max(0.0, min(1.0, row.share)))
            pen.rectangle((x, y + 2, x + width, y + tall - 2), fill=FAINT)
            if end > x:
                pen.rectangle((x, y + 2, end, y + tall - 2), fill=row.colour)
            for text, place, anchor in ((row.text, x + 6, "lm"), (row.value, x + width - 6, "rm")):
                pen.text(
                    (place, middle),
                    text,
                    LIGHT,
                    self.font,
                    anchor,
                    stroke_width=2,
                    stroke_fill=DARK,
                )
            return
        if row.colour is not None:
            side = tall - 8
            pen.rectangle((x, y + 4, x + side, y + 4 + side), fill=row.colour, outline=LIGHT)
            x += side + 8
        words = f"{row.text}  {row.value}".rstrip()
        pen.text((x, middle), words, font=self.font, anchor="lm", fill=TEXT)


def _around(box: Rectangle, width: float, height: float) -> list[tuple[float, float]]:
    """Where a text may stand at a rectangle, best first: above, below, inside, beside, farther."""
    left, top, right, bottom = box
    near = [
        (left, top - height),
        (left, bottom),
        (left, top),
        (right - width, top - height),
        (right, top),
        (left, bottom - height),
        (left - width, top),
    ]
    for step in range(1, 4):
        near += [(left, top - (step + 1) * height), (left, bottom + step * height)]
    return near
