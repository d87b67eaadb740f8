"""The dashboard: real servers on real storages, looked at in a real browser."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.study import Study
from optuna.trial import create_trial
from playwright.sync_api import Browser, Page, sync_playwright

from hpsearch.searching.search import find_best
from hpsearch.study.note import write_note, write_trial_notes
from hpsearch.study.record import create_or_continue, load_study, make_record
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Attr
from hpsearch.study_file import run_study_file
from hpsearch.task import ParamValue
from tests.waiting import HANG_S

pytestmark = pytest.mark.slow

HPSEARCH = Path(sys.executable).with_name("hpsearch")
# as rude as a title can be, and one that a browser must show letter by letter
TITLE = "Toy <img src=x onerror=alert(1)> [a](javascript:alert(1)) **b** `c` | d_e_f $x$ 1. #2"
STUDY_FILE = f'''"""{TITLE}

Many short epochs, so that there is time to look.
"""
from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Source, hold_out


def load(folder):
    from sklearn.datasets import load_digits

    digits = load_digits()
    rest, test = hold_out(Split(digits.images.astype("uint8"), digits.target), 360, seed=0)
    train, valid = hold_out(rest, 287, seed=0)
    return Dataset(train, valid, test)


def space(trial):
    trial.suggest_int("epochs", 5, 100_000)
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)


def build(params):
    import keras

    model = keras.Sequential(
        [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    optimizer = keras.optimizers.SGD(params["learning_rate"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("digits"),
    baseline={{"epochs": 100_000, "batch_size": 16, "learning_rate": 0.001}},
    budget=Budget(n_trials=1),
)
'''


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"sqlite:///{tmp_path}/studies.db")


@pytest.fixture
def url(storage: Storage) -> str:
    return storage.url.render_as_string()


@pytest.fixture
def study(storage: Storage) -> Study:
    """`toy`, with one finished trial and one that runs."""
    study_file = run_study_file(STUDY_FILE, "toy.py")
    space = explore(study_file)
    record = make_record(
        study_file, space.as_json(), data="0" * 64, seed=0, sampler="random", pruner="none"
    )
    baseline: dict[str, ParamValue] = {"epochs": 100_000, "learning_rate": 0.001}
    study, _, _ = create_or_continue(storage, "toy", record, baseline)
    trial = study.ask()
    study_file.task.space(trial)
    trial.report(0.5, step=1)
    study.add_trial(
        create_trial(
            value=0.875,
            params={"epochs": 5, "learning_rate": 0.01},
            distributions=trial.distributions,
            intermediate_values={1: 0.5, 5: 0.875},
        )
    )
    return study


@pytest.fixture
def running_search(tmp_path: Path, url: str) -> Iterator[str]:
    """The name of a study whose first trial trains while the test goes on."""
    study_file = tmp_path / "slow.py"
    study_file.write_text(STUDY_FILE)
    process = subprocess.Popen(
        [HPSEARCH, "run", study_file, "--storage", url, "--slots", "1"],
        env={**os.environ, "HPSEARCH_CACHE": str(tmp_path / "cache")},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:  # ends with the process
        lines.append(line)
        if "new study" in line:
            break
    assert process.poll() is None, "".join(lines)
    yield "slow"
    process.terminate()
    process.communicate(timeout=HANG_S)


@contextmanager
def served(url: str, *arguments: str) -> Iterator[str]:
    """`hpsearch dashboard`; the URL it prints."""
    process = start(url, *arguments)
    try:
        yield first_line(process)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 143
    assert len(errors.splitlines()) == 1, errors


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [HPSEARCH, "dashboard", *arguments, "--port", "0", "--storage", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, process.communicate()[1]
    return line


def ask(
    address: str, path: str, method: str = "GET", body: object = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send a request with exactly these headers; `Host` is right unless given."""
    host = urlsplit(address).netloc
    with closing(http.client.HTTPConnection(host, timeout=HANG_S)) as connection:
        content = b"" if body is None else json.dumps(body).encode()
        connection.putrequest(method, path, skip_host=True)
        lengths = {"Content-Length": str(len(content))} if method not in ("GET", "HEAD") else {}
        defaults = {"Host": host, "Content-Type": "application/json", **lengths}
        for name, value in {**defaults, **headers}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(content)
        response = connection.getresponse()
        return response, response.read()


def status_of(address: str, path: str, method: str = "GET", **headers: str) -> int:
    return ask(address, path, method, **headers)[0].status


def writes(study: Study) -> list[tuple[str, str, object]]:
    """Requests of the dashboard's own page that change something."""
    n = study._study_id
    running = study.trials[0]._trial_id
    html = "data:text/html;base64,PGI+"
    return [
        ("POST", "/api/studies", {"study_name": "new", "directions": ["minimize"]}),
        ("POST", f"/api/studies/{n}/rename", {"study_name": "renamed"}),
        ("DELETE", f"/api/studies/{n}", None),
        ("PUT", f"/api/studies/{n}/note", {"version": 1, "body": "mine"}),
        ("PUT", f"/api/studies/{n}/{running}/note", {"version": 1, "body": "mine"}),
        ("POST", f"/api/trials/{running}/tell", {"state": "complete", "values": [0.999]}),
        ("POST", f"/api/trials/{running}/user-attrs", {"user_attrs": {"a": 1}}),
        ("POST", f"/api/artifacts/{n}", {"file": html, "filename": "a.html"}),
        ("POST", "/incompatible-rdb-schema", None),
    ]


def fingerprint(storage: Storage) -> str:
    return hashlib.sha256(Path(storage.url.database or "").read_bytes()).hexdigest()


def chromium(from_playwright: str) -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return from_playwright if Path(from_playwright).exists() else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = chromium(playwright.chromium.executable_path)
        if path is None:
            reason = "no Chromium: scripts/setup-browser installs one"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        arguments = ["--disable-gpu", "--disable-quic", "--disable-sync"]
        arguments.append("--host-resolver-rules=MAP evil.test 127.0.0.1")
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_it_prints_the_address_of_the_study_and_answers_there(url: str, study: Study) -> None:
    with served(url, "toy") as address:
        assert address.endswith(f"/dashboard/studies/{study._study_id}")
        assert address.startswith("http://127.0.0.1:")
        assert status_of(address, urlsplit(address).path) == 200
        assert status_of(address, urlsplit(address).path, "HEAD") == 200


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_quietly(url: str, number: int, code: int) -> None:
    process = start(url)
    first_line(process)

    process.send_signal(number)
    _, errors = process.communicate(timeout=HANG_S)

    assert process.returncode == code
    assert "Traceback" not in errors


def test_only_this_machines_own_names_and_port_are_answered(url: str) -> None:
    with served(url) as address:
        port = urlsplit(address).port
        for host in (
            f"127.0.0.1:{port}",
            f"localhost:{port}",
            f"LOCALHOST:{port}",
            f"[::1]:{port}",
        ):
            assert status_of(address, "/api/studies", Host=host) == 200
        for host in (
            "evil.test",
            f"evil.test:{port}",
            "127.0.0.1",
            "localhost:1",
            "",
            "127.0.0.1:",
        ):
            assert status_of(address, "/api/studies", Host=host) == 403
        two_hosts, _ = ask(address, "/api/studies", host=f"evil.test:{port}")
        assert two_hosts.status in {400, 403}


def test_a_foreign_name_that_leads_here_gets_nothing_in_a_browser(url: str, page: Page) -> None:
    with served(url) as address:
        response = page.goto(f"http://evil.test:{urlsplit(address).port}/api/studies")

        assert response is not None
        assert response.status == 403


def test_nothing_can_be_changed_through_it(url: str, storage: Storage, study: Study) -> None:
    before = fingerprint(storage)
    with served(url) as address:
        for method, path, body in writes(study):
            response, text = ask(address, path, method, body)
            assert response.status == 405, (method, path)
            assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
            assert text.count(b"\n") == 1

    assert fingerprint(storage) == before
    assert not (storage.folder / "artifacts").exists()


def test_with_allow_edit_its_own_page_may_change_studies_and_sees_the_change_at_once(
    url: str, study: Study
) -> None:
    with served(url, "--allow-edit") as address:
        own = f"http://{urlsplit(address).netloc}"
        detail = f"/api/studies/{study._study_id}"
        assert json.loads(ask(address, detail)[1])["trials"][0]["state"] == "Running"
        told = {"state": "complete", "values": [0.9]}
        path = f"/api/trials/{study.trials[0]._trial_id}/tell"
        response, _ = ask(address, path, "POST", told, Origin=own)

        assert response.status == 204
        assert json.loads(ask(address, detail)[1])["trials"][0]["state"] == "Complete"


def test_with_allow_edit_a_page_from_elsewhere_may_still_change_nothing(
    url: str, storage: Storage, study: Study
) -> None:
    before = fingerprint(storage)
    with served(url, "--allow-edit") as address:
        for origin in ("http://evil.test", "null", "http://127.0.0.1:1"):
            for method, path, body in writes(study):
                assert ask(address, path, method, body, Origin=origin)[0].status == 403

    assert fingerprint(storage) == before


def test_an_uploaded_html_file_does_not_run_in_a_browser(
    url: str, storage: Storage, study: Study, page: Page, tmp_path: Path
) -> None:
    evil = tmp_path / "evil.html"
    evil.write_text("<script>fetch('/api/ran'); document.title = 'ran'</script>")
    (storage.folder / "artifacts").mkdir()
    store = FileSystemArtifactStore(storage.folder / "artifacts")
    artifact = upload_artifact(artifact_store=store, file_path=str(evil), study_or_trial=study)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    with served(url, "toy") as address:
        page.goto(address)
        # the router reads all three alike
        for prefix in ("/artifacts", "/%61rtifacts", "/arti%fffacts"):
            path = f"{prefix}/{study._study_id}/{artifact}"
            response, content = ask(address, path)
            assert content == evil.read_bytes()
            assert response.headers["Content-Disposition"] == "attachment"
            assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "Access-Control-Allow-Origin" not in response.headers

            with page.expect_download() as download:
                page.evaluate("path => { location.href = path }", path)
            assert download.value.failure() is None
            assert page.title() != "ran"
        assert not any(request.endswith("/api/ran") for request in requests)


def test_every_answer_forbids_sniffing_framing_and_foreign_scripts(url: str, study: Study) -> None:
    with served(url) as address:
        for path in ("/", "/dashboard", "/api/studies", "/static/bundle.js", "/nowhere", "/csv/1"):
            headers = ask(address, path)[0].headers
            policies = headers.get_all("Content-Security-Policy") or []
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert len(policies) == 1
            assert "default-src 'self'" in policies[0] or "sandbox" in policies[0]


def test_a_page_shows_a_running_search_its_note_and_the_growing_curve_of_a_trial(
    url: str, storage: Storage, running_search: str, page: Page
) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    n_epochs = """
        (least) => {
            const graph = document.querySelector("#graph-intermediate-values");
            const curve = graph && graph.data && graph.data.find(c => c.name.includes("#0"));
            return curve && curve.y.length > least && curve.y.length;
        }"""
    study, record = load_study(storage, running_search)
    write_note(study, record, find_best(study))

    with served(url, running_search) as address:
        page.goto(address)
        page.get_by_text(running_search).first.wait_for()
        n_before = page.wait_for_function(n_epochs, arg=1, timeout=HANG_S * 1000).json_value()
        page.wait_for_function(n_epochs, arg=n_before, timeout=HANG_S * 1000)  # without a reload
        screenshot(page, "running")
        page.goto(f"{address}/note")
        page.get_by_text("no trial has finished yet").wait_for()
        screenshot(page, "note")

        assert page.get_by_role("heading", name=TITLE, exact=True).count() == 1
        assert study.trials[0].state.name == "RUNNING"
        assert problems == []


def test_the_page_of_a_trial_says_which_others_are_the_same_network(
    url: str, study: Study, page: Page
) -> None:
    longer = study.trials[1]
    study.add_trial(
        create_trial(
            value=0.9,
            params={**longer.params, "epochs": 5},
            distributions=longer.distributions,
            user_attrs={Attr.READ_OFF: longer.number},
        )
    )
    write_trial_notes(study, longer.number)

    with served(url, "toy") as address:
        page.goto(f"{address}/trials?numbers=2")
        page.get_by_text("Read off trial 1").wait_for()
        screenshot(page, "read-off")
        page.goto(f"{address}/trials?numbers=1")
        page.get_by_text("as it was after epoch 5").wait_for()


def screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like, for people, where a folder is named for it."""
    if folder := os.environ.get("HPSEARCH_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"dashboard-{name}.png", full_page=True)


def test_a_search_writes_on_while_the_page_is_asked_for_everything_at_once(
    url: str, study: Study
) -> None:
    n = study._study_id
    paths = [f"/api/studies/{n}", "/api/studies", f"/csv/{n}", "/dashboard"]
    done = threading.Event()
    answers: list[int] = []

    def poll(address: str, path: str) -> None:
        while not done.is_set():
            answers.append(status_of(address, path))

    with served(url) as address:
        pollers = [threading.Thread(target=poll, args=(address, path)) for path in paths * 2]
        for poller in pollers:
            poller.start()
        try:
            for _ in range(20):
                trial = study.ask()
                for step in range(1, 6):
                    trial.report(0.5, step)  # raises if it cannot write for long
                study.tell(trial, 0.5)
        finally:
            done.set()
            for poller in pollers:
                poller.join()

        assert len(study.trials) == 22
        assert len(answers) > len(paths)
        assert set(answers) == {200}


def test_between_two_requests_it_holds_no_lock(url: str, storage: Storage, study: Study) -> None:
    with (
        served(url) as address,
        closing(sqlite3.connect(storage.url.database or "", timeout=0)) as other,
    ):
        for path in ("/api/studies", "/api/studies/1", "/csv/1", "/dashboard"):
            assert status_of(address, path) == 200
            other.execute("BEGIN EXCLUSIVE")
            other.rollback()


def test_it_goes_on_after_a_search_was_killed_in_the_middle_of_a_write(
    url: str, storage: Storage, study: Study
) -> None:
    die_writing = f"""
import os, sqlite3
connection = sqlite3.connect({storage.url.database!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that half of it is in the file already
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE half (done)")
connection.executemany("INSERT INTO half VALUES (?)", [("x" * 4000,)] * 200)
os.kill(os.getpid(), 9)
"""
    process = start(url)
    address = first_line(process)
    detail = f"/api/studies/{study._study_id}"
    n_before = len(json.loads(ask(address, detail)[1])["trials"])
    assert subprocess.run([sys.executable, "-c", die_writing], check=False).returncode == -9

    statuses = [status_of(address, detail) for _ in range(2)]
    n_after = len(json.loads(ask(address, detail)[1])["trials"])
    process.terminate()
    process.communicate(timeout=HANG_S)

    assert statuses[-1] == 200
    assert n_after == n_before


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(HPSEARCH), "dashboard", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False)


def test_a_port_in_use_is_named_with_a_way_out(url: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]

        result = run("--port", str(port), "--storage", url)

    assert result.returncode == 2
    assert result.stderr == f"Error: port {port} is in use: --port 0 takes any free one\n"
    assert result.stdout == ""


@pytest.mark.parametrize("options", [[], ["--allow-edit"]])
def test_a_storage_that_is_not_there_is_not_made(tmp_path: Path, options: list[str]) -> None:
    result = run("--port", "0", "--storage", f"sqlite:///{tmp_path}/absent.db", *options)

    assert result.returncode == 4
    assert "no storage at" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_study_is_named_with_those_there_are(url: str, study: Study) -> None:
    result = run("tou", "--port", "0", "--storage", url)

    assert result.returncode == 2
    assert "no study 'tou'" in result.stderr
    assert "'toy'" in result.stderr
