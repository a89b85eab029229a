"""A schedule as a picture: a row for each person, a box for each step, left to right."""

from __future__ import annotations

import io
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from rag.ui.palette import OUTCOMES, OWNERS, RIGHT
from rag.ui.race.scene.replay import Look

WIDE, HIGH, EDGE, NAMES = 132, 64, 24, 150
INK, PAPER = "#1d1b2a", "#ffffff"


def png(seen: Look) -> bytes:
    width = NAMES + WIDE * max(1, len(seen.steps)) + 2 * EDGE
    height = HIGH * (len(seen.actors) + 1) + 2 * EDGE
    image = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    rows = {actor.letter: number for number, actor in enumerate(seen.actors)}
    for actor in seen.actors:
        draw.text((EDGE, EDGE + rows[actor.letter] * HIGH + 20), actor.name, INK, font)
    for number, (letter, label, _) in enumerate(seen.steps):
        row = rows[letter.upper()]
        left, top = NAMES + EDGE + number * WIDE, EDGE + row * HIGH
        draw.rounded_rectangle((left, top + 6, left + WIDE - 8, top + HIGH - 6), 8, OWNERS[letter.upper()])
        draw.text((left + 8, top + HIGH / 2), "\n".join(wrap(label, 16)[:2]), PAPER, font, "lm")
    if seen.outcome is not None:
        said = ", ".join(seen.outcome.kinds) or "nothing goes wrong"
        colour = OUTCOMES["leak" if seen.outcome.wrong else RIGHT]
        draw.text((EDGE, EDGE + len(seen.actors) * HIGH + 20), f"{seen.schedule}: {said}"[: width // 8], colour, font)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
