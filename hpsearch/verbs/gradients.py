"""`hpsearch gradients`: how much of the gradient reaches each time step of a recurrent network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hpsearch.choices import Format
from hpsearch.files import Cell
from hpsearch.lab.gradients import LevelGradients, measure_gradients
from hpsearch.pictures.drawing import require_new, save
from hpsearch.pictures.steps import draw_step_gradients
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.terminal.printing import (
    output_console,
    plain,
    print_csv,
    print_json,
    print_markdown,
    print_table,
    say,
)

STEPS_SHOWN = (0, 3, 10, 30, 100, 300)  # before the last one


def gradients(
    name_or_path: str,
    *,
    factor: str | None,
    epochs: int,
    seed: int,
    n_examples: int,
    data: Path | None,
    form: Format | None,
    output: Path | None,
    force: bool,
) -> None:
    """Print the norm of the gradient at each time step, for each level of a factor.

    Args:
        name_or_path: A study file.
        factor: Whose levels to compare; None for the baseline alone.
        epochs: How long to train first; 0 for the first weights.
        seed: Of weights and the order of examples.
        n_examples: Of the validation split, to average over.
        data: The user's data folder.
        form: For programs, all steps; None for people, some of them.
        output: A file for a picture too, which ends in .svg, .png or .pdf.
        force: Whether to replace the file if it exists.

    Raises:
        StudyFileError: The study file breaks the contract, or the network is not recurrent.
        UsageError: There is no such factor; or the file exists, or ends in something else.
        DataError: The data are missing or damaged.
    """
    if output is not None:
        require_new(output, force=force)
    study_file = read_study_file(name_or_path)
    found = measure_gradients(
        study_file,
        prepare_data(study_file, data, say),
        factor,
        epochs=epochs,
        seed=seed,
        n_examples=n_examples,
        say=say,
    )
    when = f"after {epochs} epoch{'s' * (epochs != 1)}" if epochs else "before training"
    if output is not None:
        factor_said = f", levels of {factor}" if factor else ""
        how = (
            f"{study_file.name}{factor_said}, {when}, seed {seed}: norm of the gradient of the "
            "loss at what the first recurrent layer reads, a mean over validation examples."
        )
        save(draw_step_gradients(found, how), output)
        say(f"drew the gradients of {study_file.name}: {output}")
    header = ["steps before the last", *(one.label for one in found)]
    match form:
        case Format.JSON:
            print_json(
                {
                    "schema": "hpsearch.gradients/1",
                    "task": study_file.name,
                    "factor": factor,
                    "epochs": epochs,
                    "seed": seed,
                    "levels": [asdict(one) for one in found],
                }
            )
        case Format.CSV:
            print_csv(header, _by_step(found))
        case Format.MD:
            print_markdown(header, _by_step(found))
        case None:
            print(plain(f"{study_file.name}, {when}: what is left of the gradient at time steps"))
            _print_some_steps(found)
            print("|d loss / d x|, a mean over examples; x: what the first recurrent layer reads")


def _by_step(found: Sequence[LevelGradients]) -> list[list[Cell]]:
    """A row for each step, the last one first; networks that read less lack the far ones."""
    n_steps = max(len(one.norms) for one in found)
    return [
        [back, *(one.norms[-1 - back] if back < len(one.norms) else None for one in found)]
        for back in range(n_steps)
    ]


def _print_some_steps(found: Sequence[LevelGradients]) -> None:
    """A row for each level, and columns for steps ever further back, to the first one."""
    n_steps = max(len(one.norms) for one in found)
    shown = [back for back in STEPS_SHOWN if back < n_steps - 1] + [n_steps - 1]
    rows: list[list[Cell]] = [[*(_figure(one, back) for back in shown), one.label] for one in found]
    header = ["last", *(f"last-{back}" for back in shown[1:]), "level"]
    print_table(output_console(), header, rows, right=len(shown))


def _figure(one: LevelGradients, back: int) -> str:
    return f"{one.norms[-1 - back]:.1e}" if back < len(one.norms) else ""
