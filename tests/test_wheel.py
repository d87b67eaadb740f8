"""The package as it is installed: a wheel, in a folder that knows nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from hpsearch.choices import Kind

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for packages, with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_searches_evaluates_and_exports_outside_the_checkout(site: Path, cwd: Path):
    def python(*args: str) -> str:
        done = subprocess.run(
            [sys.executable, *args],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(site)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert python("-c", "import hpsearch; print(*hpsearch.__path__)") == f"{site / 'hpsearch'}\n"

    for command in (
        "run digits --trials 1 --slots 1 --set epochs=5",
        "evaluate digits --top 1 --seeds 1",
        "export digits -o out",
    ):
        python("-m", "hpsearch", *command.split())

    assert (cwd / "out" / "model.keras").exists()


def test_the_templates_are_in_it(site: Path):
    assert {path.stem for path in (site / "hpsearch" / "templates").glob("*.py")} >= {
        kind.value for kind in Kind
    }
