"""`--log` is wrong in one line before a search begins, or opens a tracker."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.toy import write_toy


@pytest.mark.parametrize(
    ("place", "code", "message"),
    [
        pytest.param("tb", 2, "takes tensorboard:DIR or mlflow:URI, got 'tb'", id="no name"),
        pytest.param("wandb:x", 2, "takes tensorboard:DIR or mlflow:URI", id="another"),
        pytest.param("tensorboard:", 2, "takes tensorboard:DIR", id="nowhere"),
        pytest.param(
            "tensorboard:toy.py/x",
            5,
            "cannot log to tensorboard:toy.py/x: Not a directory",
            id="file",
        ),
    ],
)
def test_a_place_that_cannot_be_used_is_said_before_anything_is_stored(
    inside: Cli, cwd: Path, place: str, code: int, message: str
):
    if place == "tensorboard:toy.py/x" and importlib.util.find_spec("tensorboard") is None:
        pytest.skip("the extra tensorboard is not installed")
    write_toy(cwd)

    refused = inside("run", "toy.py", "--log", place)

    assert refused.returncode == code
    assert refused.stderr.startswith("Error: ")
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (cwd / "runs").exists()


@pytest.mark.parametrize(
    ("name", "module"),
    [("tensorboard", "tensorboard.compat.proto.event_pb2"), ("mlflow", "mlflow")],
)
def test_a_missing_package_is_named_with_its_extra(
    inside: Cli, cwd: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
):
    write_toy(cwd)
    monkeypatch.delitem(sys.modules, f"hpsearch.tracking.{name}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)

    refused = inside("run", "toy.py", "--log", f"{name}:here")

    assert refused.returncode == 2
    assert f"--log {name} needs {name}: " in refused.stderr
    assert f"pip install 'hpsearch[{name}]'" in refused.stderr
