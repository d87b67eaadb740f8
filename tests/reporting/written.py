"""Studies to report on, one of them with names as rude as can be, and a report of that."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from hpsearch.reporting.folder import write_report
from hpsearch.reporting.material import Material
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from hpsearch.task import Evidence, ParamValue
from tests.pictures.stored import BASELINE, TEXT, Stored, logs, store
from tests.study_texts import study_text

RUDE = (
    """<img src=x onerror="ran=1"> </script><script>ran=1</script> '"`$x^$ | **b** """
    "[a](javascript:ran=1) \\ \x1b[31m \u202e"
)
"""Markup of all kinds; none of it may have an effect."""
FORMULA = "=1+1\r,|`#"
SPACE = (
    "trial.suggest_int('epochs', 1, 9)",
    "trial.suggest_int('units', 1, 8)",
    f"trial.suggest_categorical('activation', ['relu', {RUDE!r}, {FORMULA!r}])",
)
RUDE_TEXT = (
    study_text(
        *SPACE,
        baseline="units=2, activation='relu'",
        factors=f"activation=['relu', {RUDE!r}, {FORMULA!r}], **{{{RUDE!r}: [{{'units': 4}}]}}",
        published=f"__import__('hpsearch').Published(test_accuracy=0.5, source={RUDE!r})",
        questions=f"[__import__('hpsearch').Question(words={RUDE!r}, evidence='levels', "
        "factor='activation')]",
    )
    .replace('"""A small task."""', repr(RUDE), 1)
    .replace("epochs=1, batch_size", "epochs=3, batch_size")
)
ALL_EVIDENCE = ", ".join(
    f"Question(words='On {kind}?', evidence={str(kind)!r}, "
    f"factor={'units' if kind in ('levels', 'time', 'overfitting by level') else ''!r})"
    for kind in Evidence
)
ASKING_TEXT = TEXT.replace(
    "TASK = Task(",
    f"from hpsearch import Finding, Question\nTASK = Task(questions=[{ALL_EVIDENCE}],",
).replace(
    "source='a book',",
    "source='a book', findings=[Finding(words='more units help', claim='better', "
    "factor='units', levels=[8])],",
)
"""Asks for every kind of evidence."""


def level(
    seed: int = 0, accuracy: float = 0.7, *, epoch_s: float = 1.0, **params: ParamValue
) -> Stored:
    """A point of a sweep of `ASKING_TEXT`; its accuracy rises with the seed."""
    curve = logs(3, accuracy + seed / 100, seconds=epoch_s)
    return Stored(curve=curve, params={**BASELINE, **params}, seed=seed)


def rude_studies(folder: Path) -> Storage:
    """A search and a sweep whose names, params, levels and title are rude."""
    params: list[dict[str, ParamValue]] = [
        {"epochs": 3, "batch_size": 4, "units": 2, "activation": "relu"},
        {"epochs": 3, "batch_size": 4, "units": 2, "activation": RUDE},
        {"epochs": 3, "batch_size": 4, "units": 2, "activation": FORMULA},
        {"epochs": 3, "batch_size": 4, "units": 4, "activation": "relu"},
    ]
    search = [Stored(curve=logs(3, 0.6 + i / 10), params=one) for i, one in enumerate(params)]
    search.append(Stored(curve=logs(1, 0.5), params={"units": 8, FORMULA: 1},
                         outcome=Outcome.PRUNED))  # fmt: skip
    store(folder, *search, name=RUDE, text=RUDE_TEXT)
    levels = [
        Stored(curve=logs(3, 0.6 + i / 10 + seed / 100), params=one, seed=seed)
        for seed in (0, 1)
        for i, one in enumerate(params)
    ]
    return store(folder, *levels, is_sweep=True, name=f"sweep {RUDE}", text=RUDE_TEXT).storage


@cache
def rude_report() -> Path:
    """A folder with `studies.db` and `report/`; do not change it."""
    folder = Path(tempfile.mkdtemp(prefix="hpsearch-report-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    storage = rude_studies(folder)
    write_report(Material(storage, [RUDE, f"sweep {RUDE}"]), folder / "report")
    return folder
