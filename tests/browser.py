"""A real browser: Debian's Chromium, or the one that Playwright installs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.needed import lacks


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start it; a machine without it skips, CI may not."""
    with sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome")
        path = next(filter(None, map(shutil.which, names)), playwright.chromium.executable_path)
        if not Path(path).exists():
            lacks("no Chromium: scripts/setup-browser installs one")
        always = ["--disable-gpu", "--disable-quic", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=path, args=[*always, *arguments])
        yield browser
        browser.close()
