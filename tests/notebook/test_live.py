"""The panel of a notebook: HTML in place of HTML, escaped, and not too often."""

from __future__ import annotations

from hpsearch.notebook.kernel import kernel_shell
from hpsearch.notebook.live import BETWEEN_S, N_SAID, HtmlPanel
from hpsearch.study.configurations import Configuration
from tests.summaries import trial


def panel() -> tuple[HtmlPanel, list[str], list[float]]:
    """A panel, what it showed, and its clock."""
    shown: list[str] = []
    now = [0.0]
    return HtmlPanel(shown.append, lambda: now[0]), shown, now


def test_it_shows_what_runs_what_is_best_and_what_was_said():
    view, shown, now = panel()
    view.search_started("Toy <b>", 4, 0, 2, float("inf"))
    view.trial_started(0, {"epochs": 3, "units": 8}, 3)
    now[0] += BETWEEN_S
    view.epoch_done(0, 1, 0.5, {"seconds": 0.1})

    assert "Toy &lt;b&gt;" in shown[-1]
    assert "run    #0  epoch 1/3  0.5" in shown[-1]

    now[0] += BETWEEN_S
    view.trial_ended(trial(0, 0.75), Configuration(first=trial(0, 0.75)))
    view.say("<script>")

    assert "best   #0  0.75" in shown[-1]
    assert "&lt;script&gt;" in shown[-1]
    assert "interrupt the kernel" in shown[-1]


def test_in_the_end_nothing_runs_and_nothing_can_be_interrupted():
    view, shown, _ = panel()
    view.trial_started(0, {"epochs": 3}, 3)

    view.close()

    assert "run " not in shown[-1]
    assert "interrupt" not in shown[-1]


def test_it_is_updated_a_few_times_a_second_at_most_and_keeps_the_last_lines():
    view, shown, now = panel()
    view.trial_started(0, {"epochs": 300}, 300)
    before = len(shown)
    for epoch in range(1, 101):
        now[0] += BETWEEN_S / 50
        view.epoch_done(0, epoch, 0.5, {"seconds": 0.005})

    assert len(shown) - before <= 3
    for i in range(20):
        view.say(f"line {i}.")
    assert sum(f"line {i}." in shown[-1] for i in range(20)) == N_SAID


def test_tests_do_not_run_in_a_notebook():
    assert kernel_shell() is None
