"""Shapes of the product's own pictures. Nothing in them was written by a user or a model, unless it is escaped."""

from __future__ import annotations

import base64


def svg(width: float, height: float, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}">{content}</svg>'
    )


def data_url(picture: str) -> str:
    """For `st.image` and `st.chat_message(avatar=…)`."""
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def rect(x: float, y: float, width: float, height: float, radius: float, paint: str) -> str:
    """paint: further attributes."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" {paint}/>'


def text(x: float, y: float, content: str, size: int, weight: int, paint: str, anchor: str = "start") -> str:
    """content: escaped. anchor: start or middle."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="Source Sans Pro,Source Sans,system-ui,sans-serif" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{anchor}" {paint} xml:space="preserve">{content}</text>'
    )
