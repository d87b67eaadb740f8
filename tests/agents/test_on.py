"""`--on`: what it takes, and one line for what it does not."""

from __future__ import annotations

import importlib.util

import pytest

from hpsearch.agents.engines import at_address
from hpsearch.agents.engines.listen import Listening
from hpsearch.agents.engines.ssh import Ssh
from hpsearch.agents.join import Join, read_join
from hpsearch.agents.on import opened, parse_on
from hpsearch.errors import UsageError


def test_listening_takes_an_address_and_perhaps_another_to_dial():
    engine = parse_on("listen://0.0.0.0:8765?dial=login1", 2)

    assert isinstance(engine, Listening)
    assert (engine.host, engine.port, engine.dial) == ("0.0.0.0", 8765, "login1")


def test_ssh_takes_hosts_users_and_where_python_is():
    engine = parse_on("ssh://lab1,anna@lab2?python=/opt/hps/bin/python", 2)

    assert isinstance(engine, Ssh)
    assert engine.hosts == ["lab1", "anna@lab2"]
    assert engine.agent == "/opt/hps/bin/python -m hpsearch agent - --slots 2"


def test_dask_and_ray_take_what_they_call_their_addresses():
    if importlib.util.find_spec("distributed") is None or importlib.util.find_spec("ray") is None:
        pytest.skip("the extras dask and ray are not installed")

    assert parse_on("dask://scheduler:8786", None).port == 8786
    assert parse_on("ray", None).address == "auto"
    assert parse_on("ray://head:10001?listen=10.0.0.5", None).address == "ray://head:10001"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "lab1",
        "ssh://",
        "ssh://-oProxyCommand=touch",
        "ssh://lab1/home",
        "listen://0.0.0.0",
        "listen://0.0.0.0:port",
        "listen://0.0.0.0:99999",
        "listen://0.0.0.0:1?dail=x",
        "dask://scheduler",
        "slurm://login",
        "ray://head",
    ],
)
def test_anything_else_is_one_line_that_says_what_it_takes(inside, cwd, wrong):
    done = inside("run", "digits", "--on", wrong)

    assert done.returncode == 2
    assert done.stderr.startswith("Error: --on ")
    assert done.stderr.count("\n") == 1
    assert list(cwd.iterdir()) == []


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(UsageError, match=r"pip install 'hpsearch\[dask\]'"):
        parse_on("dask://scheduler:8786", None)


def test_an_address_of_another_machine_cannot_be_listened_on(cwd):
    with (
        pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1, port 8765"),
        opened("listen://192.0.2.1:8765", None, print),
    ):
        pass

    assert list(cwd.iterdir()) == []


def test_the_join_file_is_for_its_owners_eyes_and_goes_with_the_launcher(cwd):
    said: list[str] = []

    with opened("listen://127.0.0.1:0", None, said.append) as nodes:
        (path,) = cwd.glob("hpsearch-*.join")
        assert path.stat().st_mode & 0o777 == 0o600
        key = read_join(path.read_bytes(), "it").key
        assert f"hpsearch agent {path}" in nodes.how_to_join
        assert key not in nodes.how_to_join

    assert not path.exists()


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"schema": "hpsearch.join/9"}'])
def test_what_is_no_join_file_is_told(text):
    with pytest.raises(UsageError, match="does not say how to join a launcher"):
        read_join(text, "a.join")


def test_joins_are_read_as_they_are_written():
    join = Join(host="login1", port=8765, key="ab" * 32)

    assert read_join(join.as_json(), "it") == join


def test_addresses_to_listen_on():
    assert at_address("10.0.0.5") == ("10.0.0.5", 0)
    assert at_address("[::1]:8765") == ("::1", 8765)
    with pytest.raises(UsageError, match="takes HOST or HOST:PORT"):
        at_address("host:port")
