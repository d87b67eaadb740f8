"""The texts of small study files, wrong in one place each."""

from __future__ import annotations


def study_text(*space: str, loads: str = "return POINTS", **fields: str) -> str:
    """A study file whose line 9 is the first line of `space`.

    Args:
        space: The lines of `space(trial)`, padded to five.
        loads: The only statement of `load(folder)`.
        fields: Of the task, as Python; `baseline` and `factors` as keyword arguments.
    """
    body = list(space or ["trial.suggest_int('units', 1, 8)"])
    body += [""] * (5 - len(body))
    baseline = fields.pop("baseline", "units=2")
    factors = fields.pop("factors", "")
    others = {"load": "load", "space": "space", "build": "build", **fields}
    return "\n".join(
        [
            '"""A small task."""',
            "import numpy as np",
            "from hpsearch import Budget, Dataset, Split, Task; "
            "from hpsearch.data import File, Source",
            "PART = Split(np.zeros((8, 3)), np.arange(8) % 2)",
            "POINTS = Dataset(PART, PART, PART)",
            "def load(folder):",
            f"    {loads}",
            "def space(trial):",
            *(f"    {line}" for line in body),
            "def build(params):",
            "    print(params)",
            "TASK = Task(",
            f"    baseline=dict(epochs=1, batch_size=4, {baseline}),",
            f"    factors=dict({factors}),",
            *(f"    {name}={value}," for name, value in others.items()),
            ")",
            "",
        ]
    )
