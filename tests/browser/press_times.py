"""From a press in the race lab to the frame that shows it, in Chromium: `python -m tests.browser.press_times`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, expect, sync_playwright

from rag.crosstalk.run.watch import percentile
from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.browser.serving import serving
from tests.servers import wait_for

PAUSE = 30
"""Milliseconds between two presses."""
ROUNDS = 5
PRESSES = "ababababrbbbbaaaaraabbaabbrabbabaabrbaabbaabrababbabarababab"
UNUSED = "z"
"""What the machine and the browser take by themselves."""
AIM = 50.0
"""Milliseconds."""
RECORD = """
    window.presses = [];
    // Before the board hears of it, which lets nobody else hear; this task comes after the frame.
    window.addEventListener("keydown", event => {
        const before = window.lab.dataset.presses;
        requestAnimationFrame(() => setTimeout(() => {
            window.presses.push([performance.now() - event.timeStamp, window.lab.dataset.presses !== before]);
        }));
    }, {capture: true});
"""
"""`event.timeStamp` is when the browser got the key: what waits before the handler counts, too."""


def measured(page: Page, keys: str, *, shown: bool = True) -> list[float]:
    """Milliseconds from each press to the end of the next frame. shown: whether it is to be on the board then. Raises
    AssertionError where it is not."""
    board = page.locator(".lab")
    board.evaluate("board => void (window.lab = board, window.presses = [])")
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(PAUSE)
    wait_for(lambda: page.evaluate("window.presses.length") == len(keys), "a frame after each press")
    taken: list[tuple[float, bool]] = page.evaluate("window.presses")
    assert all(one is shown for _, one in taken), "a press was not on the board in the next frame"
    return [milliseconds for milliseconds, _ in taken]


def main() -> None:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        serving(Path(scratch) / "state") as app,
        sync_playwright() as running,
    ):
        browser = running.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        times, floor = list[float](), list[float]()
        for _ in range(ROUNDS):
            page = browser.new_context().new_page()
            page.add_init_script(RECORD)
            page.goto(f"{app.url}/race-lab?chapter=scheduler")
            expect(page.locator(".lab")).to_have_attribute("data-schedule", "", timeout=60_000)
            times += measured(page, PRESSES)
            floor += measured(page, UNUSED * len(PRESSES), shown=False)
            page.context.close()
        browser.close()
    for what, taken in (("a press that the board plays", times), ("a key that nothing listens to", floor)):
        sys.stdout.write(json.dumps({"what": what, **figures(sorted(taken))}) + "\n")


def figures(taken: list[float]) -> dict[str, float]:
    within = sum(one < AIM for one in taken) / len(taken)
    values = {"p50": median(taken), "p95": percentile(taken, 0.95), "longest": taken[-1]}
    return {
        "presses": len(taken),
        **{name: round(one, 1) for name, one in values.items()},
        "within aim": round(within, 3),
    }


if __name__ == "__main__":
    main()
