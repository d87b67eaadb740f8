"""The dashboard: real servers on real storages, looked at in a real browser."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.study import Study
from optuna.trial import create_trial
from playwright.sync_api import Browser, Page

from hpsearch.searching.search import find_best
from hpsearch.study.note import write_note, write_trial_notes
from hpsearch.study.record import create_or_continue, load_study, make_record
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Attr
from hpsearch.study_file import run_study_file
from hpsearch.task import ParamValue
from tests.browser import chromium
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--host-resolver-rules=MAP evil.test 127.0.0.1") as browser:
        yield browser


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


def test_a_foreign_name_that_leads_here_gets_nothing_in_a_browser(url: str, page: Page) -> None:
    with served(url) as address:
        response = page.goto(f"http://evil.test:{urlsplit(address).port}/api/studies")

        assert response is not None
        assert response.status == 403


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
    write_note(study, record, find_best(study, record.goal))

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
        page.get_by_text("the same network after epoch 5").wait_for()


def screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like, for people, where a folder is named for it."""
    if folder := os.environ.get("HPSEARCH_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"dashboard-{name}.png", full_page=True)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(HPSEARCH), "dashboard", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False)


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
