"""Whatever a file, a message or an option holds: it is read, or an error of ours says why not."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from PIL import Image

from hpsearch.adopt.script import read_script
from hpsearch.agents.join import Join, read_join
from hpsearch.codec import decode, encode
from hpsearch.command_options import (
    parse_count,
    parse_duration,
    parse_fixed,
    parse_names,
    parse_seed,
    parse_size,
    parse_temperature,
)
from hpsearch.curves.curve import Curve
from hpsearch.data.idx import read_idx
from hpsearch.data.images import decode_png
from hpsearch.data.imdb.archive import read_archive
from hpsearch.data.imdb.pickled_lists import read_npz
from hpsearch.data.tables import read_table
from hpsearch.errors import HpsearchError
from hpsearch.export.folder import open_folder
from hpsearch.messages import EpochDone, Failed, Finished
from hpsearch.reporting.folder import read_manifest
from hpsearch.study.space import Space, parse_value
from hpsearch.study.storage import parse_url
from hpsearch.study_file import run_study_file

files = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    """Some bytes with pieces of them replaced, or cut off; or other bytes altogether."""
    place = st.integers(0, len(sound))
    pieces = st.lists(st.tuples(place, place, st.binary(max_size=8)), min_size=1, max_size=3)

    def damage(pieces: list[tuple[int, int, bytes]]) -> bytes:
        content = sound
        for start, length, new in pieces:
            content = content[:start] + new + content[start + length % 9 :]
        return content

    cut = place.map(lambda n: sound[:n])
    return pieces.map(damage) | cut | st.binary(max_size=60)


def sound_tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in ("aclImdb/train/pos/0_9.txt", "aclImdb/test/neg/1_2.txt"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"fine"))
    return content.getvalue()[:4096]


def sound_npz() -> bytes:
    content = io.BytesIO()
    np.savez(content, x=np.array([[1, 2], [3]], dtype=object), y=np.arange(2))
    return content.getvalue()


def sound_png() -> bytes:
    content = io.BytesIO()
    Image.new("L", (3, 2)).save(content, "png")
    return content.getvalue()


def sound_checkpoint() -> bytes:
    content = io.BytesIO()
    np.savez(content, a=np.arange(3.0), b=np.zeros((2, 2)))
    return content.getvalue()


IDX = b"\0\0\x08\x02" + struct.pack(">ii", 2, 3) + bytes(6)
CURVE = json.dumps(
    {
        "starts": [[0, 0]],
        "logs": [{"loss": 0.5}],
        "n_weights": 3,
        "layers": [{"kind": "Dense", "name": "d", "shape": "(1,)", "n_weights": 3}],
        "texts": [{"window": "a", "temperatures": [1.0], "texts": ["b"]}],
    }
).encode()
MANIFEST = json.dumps(
    {"schema": "hpsearch.manifest/1", "study": "s", "classes": {"a": ["x"]}, "sha256": {"f": "0"}}
).encode()
REPORT = json.dumps(
    {"schema": "hpsearch.reporting/1", "studies": ["s"], "files": {"f": "0"}, "outcomes": {"s": {}}}
).encode()
CELLS = json.dumps(
    {"cells": [{"cell_type": "code", "source": ["import keras\n", "%%bash\n"]}]}
).encode()
JOIN = Join(host="a", port=1, key="00").as_json().encode()
LINE = encode(EpochDone(epoch=1, logs={"loss": 0.5})).encode()
READERS: dict[str, tuple[bytes, str, Callable[[Path], object]]] = {
    "idx": (IDX, "x.gz", lambda path: read_idx(path)),
    "archive": (sound_tar(), "x.tar.gz", lambda path: list(read_archive(path))),
    "npz": (sound_npz(), "x.npz", lambda path: read_npz(path, ("x",), ("y",))),
    "png": (sound_png(), "x.png", lambda path: decode_png(path.read_bytes(), (2, 3))),
    "csv": (b'a,b,c\n1,"2",x\n3,4,y\n5,6,x\n7,8,y\n', "x.csv", lambda p: read_table(p, label="c")),
    "curve": (CURVE, "curve.json", lambda path: read_curve(path)),
    "checkpoint": (sound_checkpoint(), "epoch-00001.npz", lambda p: Curve(p.parent).state(1)),
    "manifest": (MANIFEST, "MANIFEST.json", lambda path: open_folder(path.parent)),
    "report": (REPORT, "MANIFEST.json", lambda path: read_manifest(path.parent)),
    "script": (b"import keras\nm = keras.Sequential()\n", "x.py", lambda path: read_script(path)),
    "join file": (JOIN, "x.join", lambda path: read_join(path.read_bytes(), "x.join")),
    "notebook": (CELLS, "x.ipynb", lambda path: read_script(path)),
}


def read_curve(path: Path) -> None:
    curve = Curve(path.parent)
    assert [curve.logs, curve.starts, curve.texts, curve.layers, curve.n_weights]


@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_read_or_named(kind: str, tmp_path: Path):
    sound, name, read = READERS[kind]

    @files
    @given(damaged(sound))
    @example(sound)
    def check(content: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
        with suppress(HpsearchError):
            read(path)

    check()


@given(damaged(LINE))
def test_a_damaged_message_is_a_value_error(line: bytes):
    with suppress(ValueError):
        decode(line, EpochDone, Finished, Failed)


@given(st.text() | st.from_regex(r"\w+(\+\w+)?://[^ ]*", fullmatch=True))
@example("postgresql://u:p@[::1/d")
@example("postgresql://u:p@h:port/d")
def test_a_storage_url_is_read_or_named(text: str):
    with suppress(HpsearchError):
        parse_url(text)


@pytest.mark.parametrize(
    "parse",
    [parse_count, parse_seed, parse_duration, parse_size, parse_temperature, parse_names],
)
@given(text=st.text() | st.from_regex(r"[-+]?\d*[.]?\d*(e\d+)? ?[smhdKMGT]?B?", fullmatch=True))
@example("9" * 5000)
@example("9" * 400 + "T")
@example("9" * 400 + "s")
def test_the_value_of_an_option_is_read_or_named(parse: Callable[[str], Any], text: str):
    with suppress(HpsearchError, typer.BadParameter):
        parse(text)


@given(st.lists(st.text()))
def test_pairs_of_names_and_values_are_read_or_named(pairs: list[str]):
    with suppress(HpsearchError):
        parse_fixed(pairs)


@pytest.mark.parametrize(
    "distribution",
    [IntDistribution(1, 9, step=2), FloatDistribution(0.1, 1.0), CategoricalDistribution([1, "a"])],
)
@given(text=st.text() | st.sampled_from(["nan", "inf", "-inf", "1e999", "1_0", "٣", "9" * 5000]))
def test_the_value_of_a_hyperparameter_is_in_its_range_or_named(distribution: Any, text: str):
    space = Space({"units": distribution}, frozenset(), None)

    with suppress(HpsearchError):
        assert distribution._contains(
            distribution.to_internal_repr(parse_value("units", text, space))
        )


@pytest.mark.parametrize("text", ["(" * 9999, "-" * 99999 + "1", "x = '\0'", "1" * 9999])
def test_a_study_file_that_python_cannot_take_is_one_line(tmp_path: Path, text: str):
    script = tmp_path / "x.py"
    script.write_text(text)

    for read in (lambda: read_script(script), lambda: run_study_file(text, "x.py")):
        with pytest.raises(HpsearchError) as caught:
            read()
        assert "\n" not in str(caught.value)
