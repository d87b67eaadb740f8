"""How long the reading verbs take on a study, relative to importing Optuna.

scripts/bench verbs [TRIALS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

import optuna

from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage

VERBS = [
    ["--help"],
    ["ls"],
    ["show", "digits"],
    ["show", "digits", "--trial", "0"],
    ["best", "digits"],
    ["verify", "digits"],
    ["check", "digits"],
    ["data", "status", "digits"],
]


def seconds(command: list[str], env: dict[str, str], n: int) -> float:
    """The median of some runs."""
    taken = []
    for _ in range(n):
        began_s = time.monotonic()
        subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.monotonic() - began_s)
    return statistics.median(taken)


def main() -> None:
    """Print the medians of 7 runs."""
    n_trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/studies.db"
        run("digits", Options(storage=url, trials=1, fixed={"epochs": "20"}), View())
        study, _ = load_study(Storage(url), "digits")
        (first,) = study.get_trials(deepcopy=False)
        for _ in range(n_trials - 1):
            study.add_trial(
                optuna.trial.create_trial(
                    params=first.params,
                    distributions=first.distributions,
                    value=first.value,
                    intermediate_values=first.intermediate_values,
                    user_attrs={
                        name: value
                        for name, value in first.user_attrs.items()
                        if name != "baseline"
                    },
                )
            )
        env = {**os.environ, "HPSEARCH_STORAGE": url}
        yardstick = seconds([sys.executable, "-c", "import optuna"], env, 7)
        print(f"importing Optuna: {yardstick:.2f} s")
        for verb in VERBS:
            taken = seconds([sys.executable, "-m", "hpsearch", *verb], env, 7)
            print(f"hpsearch {' '.join(verb)}: {taken:.2f} s, {taken / yardstick:.1f} times that")


if __name__ == "__main__":
    main()
