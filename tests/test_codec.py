"""What one version of hpsearch wrote, another one reads, or says in a line why not."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.codec import Schema, decode, encode
from hpsearch.errors import StorageError
from hpsearch.goal import Direction
from hpsearch.task import Params


@dataclass(frozen=True, kw_only=True)
class Part:
    name: str
    values: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Stored:
    seed: int
    params: Params
    direction: Direction = "maximize"
    parts: list[Part] = field(default_factory=list)


SCHEMA = Schema("hpsearch.stored", 2, Stored)
CONTENT = {"schema": "hpsearch.stored/2", "seed": 7, "params": {"units": 4}}

params = st.dictionaries(
    st.text(),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
)


@given(
    st.builds(
        Stored,
        seed=st.integers(),
        params=params,
        direction=st.sampled_from(["maximize", "minimize"]),
        parts=st.lists(st.builds(Part, name=st.text(), values=st.lists(st.just(math.inf)))),
    )
)
def test_what_was_stored_as_json_is_read_back_with_its_types(record: Stored):
    content = json.loads(json.dumps(SCHEMA.encode(record)))

    found = SCHEMA.decode(content, "study 'toy'")

    assert found == record
    assert [type(v) for v in found.params.values()] == [type(v) for v in record.params.values()]


def test_not_a_number_is_stored_and_read():
    record = Part(name="diverged", values=[math.nan])
    schema = Schema("hpsearch.part", 1, Part)

    found = schema.decode(json.loads(json.dumps(schema.encode(record))), "a part")

    assert math.isnan(found.values[0])


def test_a_field_that_a_later_version_added_is_ignored():
    content = {**CONTENT, "parts": [{"name": "a", "colour": "red"}], "machine": {"cores": 2}}

    assert SCHEMA.decode(content, "study 'toy'").parts == [Part(name="a")]


def test_older_content_gets_the_defaults_of_later_fields():
    content = {**CONTENT, "schema": "hpsearch.stored/1"}

    assert SCHEMA.decode(content, "study 'toy'") == Stored(seed=7, params={"units": 4})


def test_a_higher_schema_is_refused_whatever_it_holds():
    with pytest.raises(StorageError) as refused:
        SCHEMA.decode({"schema": "hpsearch.stored/3", "seeds": [1, 2]}, "study 'toy'")

    assert str(refused.value) == (
        "study 'toy' was written by a newer hpsearch (schema 3, this one reads up to 2): "
        "upgrade hpsearch; nothing was changed"
    )
    assert refused.value.exit_code == 4


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        pytest.param({**CONTENT, "seed": "7"}, "Expected `int`, got `str`", id="wrong type"),
        pytest.param({**CONTENT, "seed": True}, "Expected `int`, got `bool`", id="no number"),
        pytest.param({**CONTENT, "params": {"units": []}}, "got `array`", id="no param"),
        pytest.param({**CONTENT, "direction": "up"}, "Invalid enum value 'up'", id="no choice"),
        pytest.param({**CONTENT, "parts": [{}]}, "missing required field `name`", id="a gap"),
        pytest.param({"seed": 7, "params": {}}, "its schema is None", id="no schema"),
        pytest.param({**CONTENT, "schema": "other/2"}, "its schema is 'other/2'", id="another"),
        pytest.param({**CONTENT, "schema": "hpsearch.stored/x"}, "'x'", id="no version"),
        pytest.param(None, "its schema is None", id="nothing"),
        pytest.param([CONTENT], "its schema is None", id="a list"),
    ],
)
def test_damage_is_named_in_one_line(content: object, cause: str):
    with pytest.raises(StorageError) as damage:
        SCHEMA.decode(content, "study 'toy'")

    line = str(damage.value)
    assert line.startswith("study 'toy' is damaged in the storage: ")
    assert cause in line
    assert line.endswith("restore the storage from a backup; nothing was changed")
    assert "\n" not in line


def test_a_message_is_of_one_of_the_kinds_that_are_expected():
    line = encode(Part(name="a", values=[1.5]))

    assert "\n" not in line
    assert decode(line, Stored, Part) == Part(name="a", values=[1.5])
    assert decode(line.encode(), Part) == Part(name="a", values=[1.5])
    with pytest.raises(ValueError, match="no message of the kind Stored"):
        decode(line, Stored)


def test_a_message_of_a_later_version_is_understood_without_its_new_fields():
    line = json.dumps({"kind": "Part", "name": "a", "since": "version 2"})

    assert decode(line, Part) == Part(name="a")


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"Epoch 1/3", id="printed text"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[" * 100_000, id="deeper than JSON is read"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b'{"name": "a"}', id="no kind"),
        pytest.param(b'{"kind": ["Part"]}', id="a kind that is no text"),
        pytest.param(b'{"kind": "Part"}', id="a field is missing"),
        pytest.param(b'{"kind": "Part", "name": 3}', id="a field of the wrong type"),
    ],
)
def test_junk_is_a_value_error_of_one_line(junk: bytes):
    with pytest.raises(ValueError) as error:
        decode(junk, Part)

    assert "\n" not in str(error.value)


@given(st.binary())
def test_no_bytes_raise_anything_else(junk: bytes):
    with pytest.raises(ValueError):
        decode(junk, Part)
