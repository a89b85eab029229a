"""An address as a QR code."""

from __future__ import annotations

import io

import segno


def code_picture(address: str) -> bytes:
    """An SVG, dark on white with its quiet zone, in either theme: phones read nothing else as surely."""
    picture = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        picture, kind="svg", scale=10, border=3, dark="#14131c", light="#ffffff", omitsize=True, xmldecl=False
    )
    return picture.getvalue()
