"""A notebook from end to end: the cells of the README, an interrupt, and a new kernel."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.waiting import wait_until

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = re.search(r"^## In a notebook\n(.*?)^## ", README, re.M | re.S)
TOLD = "import os; print(os.getpid())"
TUNED = """\
def space(trial):
    trial.suggest_int("units", 4, 8)


def build(params):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(params["units"])])
    model.compile("adam", "mse")
    return model


found = hpsearch.tune(
    build, space, [[0, 1]] * 20, [1.0] * 20,
    epochs=1, trials=1, metric="val_loss", direction="minimize",
)
found
"""


def run(folder: Path, *cells: str, after_cell=lambda i, cell: None) -> list[dict[str, str]]:
    """Run cells in a kernel of their own: what each left to see, by its MIME type."""
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, timeout=600)
    with client.setup_kernel():
        for i, cell in enumerate(notebook.cells):
            client.execute_cell(cell, i)
            after_cell(i, cell)
    return [seen(cell) for cell in notebook.cells]


def seen(cell) -> dict[str, str]:
    found: dict[str, str] = {}
    for output in cell.get("outputs", []):
        data = {"text/plain": output["text"]} if "text" in output else output["data"]
        for kind, content in data.items():
            found[kind] = found.get(kind, "") + content
    return found


@pytest.fixture
def kernels_at_home(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Jupyter keeps goes into the test's folder."""
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(cwd / variable))
    return cwd


def test_the_cells_of_the_readme_run_an_interrupt_pauses_and_a_new_kernel_continues(
    kernels_at_home,
):
    assert SECTION is not None
    cells = re.findall(r"^```python\n(.*?)^```$", SECTION[1], re.M | re.S)
    endless = 'hpsearch.search("mine.py", trials=500, slots=1)'
    curves = kernels_at_home / "runs/curves"

    def interrupt(i: int, cell) -> None:
        if i == len(cells):  # the next cell is the endless one
            pid, n = int(seen(cell)["text/plain"]), len(list(curves.iterdir()))

            def kill() -> None:
                wait_until(lambda: len(list(curves.iterdir())) > n)
                os.killpg(pid, signal.SIGINT)  # as Jupyter does

            threading.Thread(target=kill).start()

    *shown, _pid, interrupted = run(kernels_at_home, *cells, TOLD, endless, after_cell=interrupt)

    _load, written, searched, trials, history = shown
    assert "wrote mine.py; next: hpsearch.search('mine.py')" in written["text/plain"]
    assert "trials 3/3" in searched["text/html"]
    assert "stopped: the budget is spent" in searched["text/html"]
    assert "<th>units</th>" in trials["text/html"]
    assert "data:image/svg+xml" in history["text/html"]
    assert "finishing the running epochs, then stopping" in interrupted["text/html"]
    assert "stopped: interrupted" in interrupted["text/html"]

    n_done = int(re.search(r"trials (\d+)/500", interrupted["text/html"])[1])
    again, tuned = run(
        kernels_at_home,
        f'import hpsearch\nhpsearch.search("mine.py", trials={n_done + 1}, slots=1)',
        TUNED,
    )
    assert f"trials {n_done + 1}/{n_done + 1}" in again["text/html"]
    assert "tuned: build of a notebook, tuned." in tuned["text/html"]
