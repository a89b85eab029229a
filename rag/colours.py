"""A colour for an id, from the id alone, so that every page, report and process agrees on it."""

from __future__ import annotations

import colorsys
import hashlib


def colour(session_id: str) -> str:
    """`#rrggbb`, dark enough for white text and light enough to be seen on a dark page."""
    number = seed(session_id, "colour")
    hue, tone = number % 360, number // 360 % 3
    red, green, blue = colorsys.hls_to_rgb(hue / 360, (0.42, 0.47, 0.38)[tone], (0.62, 0.52, 0.7)[tone])
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def seed(session_id: str, purpose: str) -> int:
    """64 bits that follow from the id, others for each purpose."""
    digest = hashlib.sha256(f"{purpose}:{session_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")
