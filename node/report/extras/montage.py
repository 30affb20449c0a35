"""A picture of the images that carry marks, side by side, with the marks and the words burned in.

Drawn with integers on 8 bits and with the font that Pillow brings, so that equal input gives
equal pixels. Nothing here knows the patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Picture = npt.NDArray[np.uint8]

CELL: Final = 512
"""Length of the longer side of each image on the picture, pixels: bounds the whole picture."""

_GAP: Final = 8
_LINE: Final = 24
_SMALL: Final = 18  # of the font, pixels
_LARGE: Final = 28
_YELLOW: Final = (255, 220, 0)
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its name; x and y in pixels as SCOORD counts, the first centre at 0.5."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, eq=False, slots=True)
class Cell:
    """One image of the picture.

    Attributes:
        grey: (row, column).
        spacing_mm: between rows, between columns.
        caption: which image it is.
        marks: in any order.
    """

    grey: Picture
    spacing_mm: tuple[float, float]
    caption: str
    marks: tuple[Mark, ...]


def draw(cells: Sequence[Cell], title: str, notes: Sequence[str], radius_mm: float) -> Picture:
    """Draw the picture.

    Args:
        cells: at least one.
        title: stands large over all images, and small on each.
        notes: sentences under the title, wrapped to the width of the picture.
        radius_mm: of the circles.

    Returns:
        (row, column, RGB) with 8 bits each.
    """
    drawn = [_cell(cell, title, radius_mm) for cell in cells]
    columns = ceil(sqrt(len(drawn)))
    widest, highest = max(one.width for one in drawn), max(one.height for one in drawn)
    width = max(columns * (widest + _GAP) + _GAP, CELL)
    lines = [line for note in notes for line in _wrapped(note, width - 2 * _GAP)]
    top = 2 * _GAP + _LARGE + _LINE * len(lines) + _GAP
    picture = Image.new("RGB", (width, top + -(-len(drawn) // columns) * (highest + _GAP)), _BLACK)
    pen = ImageDraw.Draw(picture)
    pen.text((_GAP, _GAP), title, fill=_YELLOW, font=_font(_LARGE))
    for index, line in enumerate(lines):
        at = (_GAP, 2 * _GAP + _LARGE + _LINE * index)
        pen.text(at, line, fill=_WHITE, font=_font(_SMALL))
    for index, one in enumerate(drawn):
        row, column = divmod(index, columns)
        picture.paste(one, (_GAP + column * (widest + _GAP), top + row * (highest + _GAP)))
    return np.asarray(picture, dtype=np.uint8)


def _cell(cell: Cell, title: str, radius_mm: float) -> Image.Image:
    """Draw one image with square pixels."""
    rows, columns = cell.grey.shape
    height_mm, width_mm = rows * cell.spacing_mm[0], columns * cell.spacing_mm[1]
    scale = CELL / max(height_mm, width_mm)  # pixels of the picture per mm
    size = max(1, round(width_mm * scale)), max(1, round(height_mm * scale))
    image = Image.fromarray(cell.grey).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    pen = ImageDraw.Draw(image)
    across, down = size[0] / columns, size[1] / rows
    for mark in cell.marks:
        _mark(pen, mark.text, (mark.x * across, mark.y * down), radius_mm * scale, size[0])
    _say(pen, (6, 4), cell.caption, _WHITE)
    _say(pen, (6, size[1] - _LINE), title, _YELLOW)
    return image


def _mark(
    pen: ImageDraw.ImageDraw, text: str, at: tuple[float, float], radius: float, width: int
) -> None:
    """Draw a circle, its centre, and the text beside it on the side where there is room."""
    x, y = at
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_YELLOW, width=2)
    pen.ellipse((x - 1, y - 1, x + 1, y + 1), fill=_YELLOW)
    length = _font(_SMALL).getlength(text)
    left = x + radius + 5 if x + radius + 5 + length <= width else x - radius - 5 - length
    _say(pen, (left, y - _SMALL / 2 - 2), text, _YELLOW)


def _say(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: tuple[int, int, int]
) -> None:
    """Write text with a dark rim, readable on every grey."""
    pen.text(at, text, fill=colour, font=_font(_SMALL), stroke_width=2, stroke_fill=_BLACK)


def _wrapped(text: str, width: int) -> list[str]:
    """Break a sentence into lines that fit."""
    font, lines = _font(_SMALL), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
