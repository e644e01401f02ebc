"""The icon of applications that have none."""

import struct
from functools import cache
from typing import Tuple

from .models.fields import Headers

SIZE = 32
"""Width and height, in pixels."""

_BACKGROUND = (0x8C, 0x5B, 0x2E, 0xFF)
_LETTER = (0xFF, 0xFF, 0xFF, 0xFF)
_NOTHING = (0, 0, 0, 0)


def favicon() -> Tuple[Headers, bytes]:
    return Headers({"Content-Type": "image/x-icon"}), icon()


@cache
def icon() -> bytes:
    """An ICO file with one picture of 32 by 32 pixels, 32 bits each (blue, green, red, opacity)."""
    pixels = b"".join(bytes(_pixel(x, y)) for y in reversed(range(SIZE)) for x in range(SIZE))
    mask = bytes(SIZE * SIZE // 8)
    # The height counts the mask, which follows the pixels.
    picture = struct.pack("<IiiHHIIiiII", 40, SIZE, 2 * SIZE, 1, 32, 0, 0, 0, 0, 0, 0) + pixels + mask
    directory = struct.pack("<HHHBBBBHHII", 0, 1, 1, SIZE, SIZE, 0, 0, 1, 32, len(picture), 22)
    return directory + picture


def _pixel(x: int, y: int) -> Tuple[int, int, int, int]:
    """A disc with an S upon it."""
    if (2 * x - 31) ** 2 + (2 * y - 31) ** 2 > 31**2:
        return _NOTHING
    bar = 10 <= x < 22 and any(top <= y < top + 3 for top in (8, 14, 21))
    side = (10 <= x < 13 and 8 <= y < 17) or (19 <= x < 22 and 14 <= y < 24)
    return _LETTER if bar or side else _BACKGROUND
