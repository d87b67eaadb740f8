"""Model files made to do harm, with a manifest that says all is well: none is used."""

from __future__ import annotations

import io
import json
import os
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest

from hpsearch.questions import Predict
from hpsearch.training.use import answer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # Keras's own, as it saves
    pytest.mark.filterwarnings("ignore:Skipping invalid path"),
]

Members = dict[str, bytes]
"""Of a model file, which is a zip archive."""

MAX_BYTES = 2**30
"""By which a refusal may raise the memory that was used."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The members of a model file as it should be: six numbers, a layer, a number."""
    path = tmp_path_factory.mktemp("sound") / "model.keras"
    keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    """A file that nobody may read; its time of access tells."""
    path = tmp_path / "bait.txt"
    path.write_text("root\nbin\n")
    os.utime(path, (0, 0))
    return path


def written(path: Path, members: Members, compression: int = zipfile.ZIP_STORED) -> Path:
    """A model file of some members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_layer(members: Members, kind: str, module: str, **config: Any) -> Members:
    """The members of a model file whose only layer is another one."""
    content = json.loads(members["config.json"])
    layer = {"class_name": kind, "module": module, "config": config, "registered_name": None}
    content["config"]["layers"][1:] = [layer]
    del content["build_config"], content["config"]["build_input_shape"]
    return {**members, "config.json": json.dumps(content).encode()}


def with_activation(members: Members, module: str, name: str) -> Members:
    """The members of a model file whose layer calls a function of any module."""
    function = {"class_name": "function", "module": module, "config": name, "registered_name": name}
    return with_layer(members, "Dense", "keras.layers", units=1, activation=function)


def with_weights(members: Members, write: Callable[[h5py.Group], object]) -> Members:
    """The members of a model file whose weights are in a file of one's own."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file.create_group("layers/dense/vars"))
    return {**members, "model.weights.h5": content.getvalue()}


def declare_10_tb(weights: h5py.Group) -> None:
    """Weights that say they are large, and hold nothing."""
    weights.create_dataset("0", (10**7, 250_000), "f4", chunks=(1000, 1000))
    weights.create_dataset("1", (1,), "f4")


def refusal(path: Path) -> str:
    """The error that a model file gets from the process that is asked."""
    with pytest.raises(Exception) as caught:
        list(answer(Predict(model=str(path), x={"": [[0.0] * 6]}, dtype={"": "<f4"})))
    return str(caught.value)


LAYERS = {
    "a lambda": (
        "Lambda",
        "keras.layers",
        {"function": {"class_name": "__lambda__", "config": {}}},
    ),
    "a command": ("system", "os", {"command": "touch {folder}/ran"}),
    "a program": ("Popen", "subprocess", {"args": ["touch", "{folder}/ran"]}),
    "the switch to unsafe": ("enable_unsafe_deserialization", "keras.config", {}),
    "a file of words": ("StringLookup", "keras.layers", {"vocabulary": "{folder}/bait.txt"}),
    "a network elsewhere": ("TFSMLayer", "keras.layers", {"filepath": "{folder}"}),
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_that_would_run_or_read_something_is_refused(
    sound: Members, bait: Path, tmp_path: Path, case: str
):
    kind, module, config = LAYERS[case]
    config = json.loads(json.dumps(config).replace("{folder}", str(tmp_path)))

    assert refusal(written(tmp_path / "m.keras", with_layer(sound, kind, module, **config)))

    assert not (tmp_path / "ran").exists()
    assert bait.stat().st_atime == 0


@pytest.mark.parametrize(
    ("module", "name"), [("os", "system"), ("builtins", "exec"), ("keras.utils", "get_file")]
)
def test_a_function_of_any_module_is_no_activation(
    sound: Members, tmp_path: Path, module: str, name: str
):
    assert refusal(written(tmp_path / "m.keras", with_activation(sound, module, name)))


def test_weights_that_lie_in_another_file_are_not_read(sound: Members, bait: Path, tmp_path: Path):
    def refer(weights: h5py.Group) -> None:
        weights.create_dataset("0", (6, 1), "u1", external=[(str(bait), 0, 6)])
        weights.create_dataset("1", (1,), "f4")

    assert refusal(written(tmp_path / "m.keras", with_weights(sound, refer)))

    assert bait.stat().st_atime == 0


def test_what_is_larger_than_its_file_is_refused_before_it_is_unpacked(
    sound: Members, tmp_path: Path
):
    zeros = {**sound, "config.json": b"[" + bytes(2**26)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    bomb = refusal(written(tmp_path / "bomb.keras", zeros, zipfile.ZIP_DEFLATED))
    huge = refusal(written(tmp_path / "huge.keras", with_weights(sound, declare_10_tb)))

    assert "compressed" in bomb
    assert huge
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MAX_BYTES


def test_members_that_lead_out_of_it_are_not_written(sound: Members, tmp_path: Path):
    more = {"../out": b"", f"{tmp_path}/out": b"", "assets/../../../out": b""}
    path = written(tmp_path / "inner.keras", {**sound, **more})

    list(answer(Predict(model=str(path), x={"": [[0.0] * 6]}, dtype={"": "<f4"})))

    assert not [*tmp_path.rglob("out"), *tmp_path.parent.glob("out")]


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_pickles_and_h5_files_are_no_models(tmp_path: Path, content: bytes):
    path = tmp_path / "model.keras"
    path.write_bytes(content)

    assert "zip" in refusal(path)
