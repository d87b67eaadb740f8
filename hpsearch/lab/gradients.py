"""How much of the gradient reaches each time step, in the networks of a factor's levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpsearch.data.arrays import Prepared
from hpsearch.evaluation.candidates import BASELINE, baseline_of
from hpsearch.lab.plan import make_plan
from hpsearch.processes.ask import ask
from hpsearch.questions import MeasureGradients
from hpsearch.study.space import explore
from hpsearch.study_file import StudyFile
from hpsearch.task import Params


@dataclass(frozen=True, kw_only=True)
class LevelGradients:
    """What the gradient of one network comes to at each time step."""

    label: str
    """The level, or `baseline`."""
    params: Params
    norms: list[float]
    """At the first step first: the norm of the gradient of an example's loss with respect to
    what the recurrent layer reads at the step, a mean over examples. Not finite in a network
    that diverged."""


def measure_gradients(
    study_file: StudyFile,
    data: Prepared,
    factor_name: str | None,
    *,
    epochs: int,
    seed: int,
    n_examples: int,
    say: Callable[[str], object],
) -> list[LevelGradients]:
    """Build the network of each level, train it, and measure its gradient.

    Args:
        study_file: Declares the factor.
        data: The prepared arrays.
        factor_name: A factor or path; None for the baseline alone.
        epochs: How long to train first; 0 for the first weights.
        seed: Of weights and the order of examples.
        n_examples: Of the validation split, to average over.
        say: Called with each line of progress.

    Raises:
        UsageError: There is no such factor.
        StudyFileError: A network cannot be built or trained, or has no recurrent layer.
    """
    found = []
    for label, params in _networks(study_file, factor_name).items():
        trains = f"training {epochs} epoch{'s' * (epochs != 1)}, then " if epochs else ""
        say(f"{label}: {trains}measuring")
        question = MeasureGradients(
            study_file=study_file.text,
            study_file_name=study_file.filename,
            params=params,
            epochs=epochs,
            seed=seed,
            data=str(data.folder),
            n_examples=n_examples,
        )
        (norms,) = ask(question)
        found.append(LevelGradients(label=label, params=params, norms=norms))
    return found


def _networks(study_file: StudyFile, factor_name: str | None) -> dict[str, Params]:
    """The params of each level, by its label."""
    if factor_name is None:
        return {BASELINE: baseline_of(study_file)}
    plan = make_plan(study_file, explore(study_file), [factor_name], n_seeds=1)
    (factor,) = plan.factors
    return dict(zip(map(factor.describe, factor.levels), plan.params[factor.name], strict=True))
