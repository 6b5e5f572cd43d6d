"""docs/config.md is what the programs say of themselves."""

import subprocess
import sys
from pathlib import Path

from harness import paths

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = [
    "holdfast-gateway", "holdfast-escrow", "holdfast-payments", "holdfast-oracle", "holdfast-notifications", "holdfast-sandbox", "holdfastctl",
]


def test_the_page_is_up_to_date():
    command = [sys.executable, str(ROOT / "tools/docs/config.py"), *(paths.program(name) for name in PROGRAMS)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    page = (ROOT / "docs/config.md").read_text()
    assert page == told, "write it anew: tools/docs/config.py with these programs > docs/config.md"
