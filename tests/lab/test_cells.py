"""The table of a sweep as a header and rows, and its remarks."""

from __future__ import annotations

from hpsearch.lab.cells import as_cells, as_note, remarks
from hpsearch.study.trials import Outcome
from tests.lab.tables import OVERFITS, level, table_of


def test_each_level_says_how_it_was_judged():
    baseline = level("the baseline", [0.50, 0.51])
    best = level("8", [0.80, 0.81], units=8, onset=OVERFITS)
    like = level("2", [0.49, 0.53], units=2)
    table = table_of(
        baseline, best, like, level("1", [], units=1, others=[Outcome.DIVERGED]), best=best
    )

    header, rows = as_cells(table)
    by_label = {row[1]: dict(zip(header, row, strict=True)) for row in rows}

    assert by_label["8"]["judged"] == "best"
    assert by_label["2"]["judged"] == "no real difference"
    assert by_label["1"]["judged"] == "diverged"
    assert by_label["1"]["val_accuracy"] is None
    assert by_label["the baseline"]["difference"] is None
    eight = by_label["8"]
    assert (eight["accuracy"], eight["val_accuracy"], eight["difference"]) == (0.905, 0.805, 0.3)
    assert eight["difference_low"] < 0.3 < eight["difference_high"]
    assert (eight["fit"], eight["overfits_from"], eight["weights"]) == ("overfits", 2, 1234)


def test_one_seed_cannot_tell_a_difference_from_chance_and_the_table_says_so():
    text = " ".join(remarks(table_of(level("the baseline", [0.5]))))

    assert "With one seed, differences cannot be told from chance" in text
    assert "Epochs trained: 12; each row by itself would have taken 30." in text


def test_the_note_is_a_markdown_table_in_which_nothing_is_markup():
    table = table_of(level("the baseline", [0.5]), level("a|b <i>", [0.6], units=8))

    lines = as_note(table).splitlines()

    assert lines[0].startswith("| factor | level | accuracy | val\\_accuracy |")
    assert r"a\|b \<i\>" in lines[3]
    assert len(lines) == 4
