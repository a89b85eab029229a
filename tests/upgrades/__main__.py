"""Write the forms of today beside this file, unless they are there already."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.upgrades.forms import FORMS, KEPT


def main() -> None:
    KEPT.mkdir(exist_ok=True)
    for name, (version, make) in FORMS.items():
        target = KEPT / f"{name}-v{version}.json"
        if not target.exists():
            with tempfile.TemporaryDirectory() as folder:
                target.write_text(json.dumps(make(Path(folder)), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
