"""Options that several commands share, and the parsers for their values."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from hpsearch.choices import (
    DEFAULT_PRUNER,
    DEFAULT_REPLICATES,
    DEFAULT_SAMPLER,
    DEFAULT_STORAGE,
    PrunerName,
    Replicates,
    SamplerName,
)
from hpsearch.completion import (
    offer_choices,
    offer_factors,
    offer_files,
    offer_hyperparameters,
    offer_models,
    offer_studies,
    offer_study_files,
    offer_trackers,
)
from hpsearch.errors import UsageError

Choice = TypeVar("Choice", bound=StrEnum)


def parse_choice(kind: type[Choice]) -> Callable[[str], Choice]:
    """A parser of the names in an enumeration."""

    def parse(text: str) -> Choice:
        try:
            return kind(text)
        except ValueError:
            close = get_close_matches(text, list(kind), 1)
            hint = f": did you mean {close[0]!s}?" if close else ""
            raise typer.BadParameter(
                f"takes one of {', '.join(kind)}, got {text!r}{hint}"
            ) from None

    return parse


def parse_whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """A parser of the whole numbers from `low` to `high`."""
    takes = f"of {low} or more" if high is None else f"from {low} to {high}"

    def parse(text: str) -> int:
        hint = ""
        try:
            number = int(text)
        except ValueError:
            with contextlib.suppress(ValueError, OverflowError):
                hint = f": did you mean {int(float(text))}?"
        else:
            if low <= number and (high is None or number <= high):
                return number
        raise typer.BadParameter(f"takes a whole number {takes}, got {text!r}{hint}")

    return parse


parse_count = parse_whole_number(1)
parse_seed = parse_whole_number(0, 2**32 - 1)  # what Keras, NumPy and Optuna all take


def parse_duration(text: str) -> float:
    """`90s`, `30m` or `2h`, in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)", text.strip())
    if match is None:
        number = re.fullmatch(r"\d+(\.\d+)?", text.strip())
        hint = (
            f": {text}s, {text}m or {text}h?" if number else f", got {text!r}: write 90s, 30m, 2h"
        )
        raise typer.BadParameter(f"needs a number with a unit{hint}")
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"must be more than 0 and finite, got {text!r}")
    return seconds


def parse_temperature(text: str) -> float:
    """A number of 0 or more."""
    try:
        temperature = float(text)
    except ValueError:
        temperature = math.nan
    if not 0 <= temperature < math.inf:
        raise typer.BadParameter(f"takes a number of 0 or more, such as 0.7, got {text!r}")
    return temperature


def parse_size(text: str) -> int:
    """`800M` or `2G`, in bytes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?", text.strip(), re.IGNORECASE)
    if match is None or not 0 < float(match[1]) < 1e9:
        raise typer.BadParameter(f"needs a number with a unit, got {text!r}: write 800M or 2G")
    return int(float(match[1]) * 1024 ** ("KMGT".index(match[2].upper()) + 1))


def parse_fixed(pairs: list[str]) -> dict[str, str]:
    """The `name=value` pairs of `--set`, as a dict."""
    fixed: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--set takes name=value, got {pair!r}")
        if name in fixed:
            raise UsageError(f"--set gives {name!r} twice")
        fixed[name] = value
    return fixed


def parse_names(text: str | None) -> list[str] | None:
    """Names with commas between them; None stays None."""
    return None if text is None else [name.strip() for name in text.split(",")]


def tell_of_password(context: typer.Context, url: str | None) -> str | None:
    """Say how to keep a password out of the list of processes, which everybody can read."""
    if url and re.match(r"[^/]+://[^/]*:[^/]*@", url) and not context.resilient_parsing:
        from hpsearch.terminal.printing import say

        say(
            "note: the list of processes shows this password to all users of the machine; "
            "put the URL into HPSEARCH_STORAGE instead"
        )
    return url


StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        callback=tell_of_password,
        help=f"Where studies live; or set HPSEARCH_STORAGE.  [default: {DEFAULT_STORAGE}]",
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", parser=parse_seed, help="Seed for what is random.")
]
FactorsOption = Annotated[
    str | None,
    typer.Option(
        "--factors",
        metavar="A,B",
        autocompletion=offer_factors,
        help="Vary only these.  [default: all]",
    ),
]
SeedsOption = Annotated[
    int, typer.Option("--seeds", metavar="N", parser=parse_count, help="Seeds for each setting.")
]
MinutesOption = Annotated[
    int | None,
    typer.Option(
        "--minutes",
        metavar="M",
        parser=parse_count,
        help="Fit into this time: fewer seeds, then fewer levels.",
    ),
]
NewFolderOption = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", autocompletion=offer_files, help="Folder to create."
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
MarkdownOption = Annotated[bool, typer.Option("--md", help="Print a Markdown table.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        autocompletion=offer_files,
        help="Folder of data sets; or set HPSEARCH_DATA.",
    ),
]
DataTaskArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[TASK]",
        autocompletion=offer_study_files,
        help="A study file, or a data set such as imdb.",
    ),
]
StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", autocompletion=offer_studies, help="Name of a study.")
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY_OR_DIR",
        autocompletion=offer_models,
        help="An evaluated study, or an exported folder.",
    ),
]
StudyFileArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY_FILE",
        autocompletion=offer_study_files,
        help="A study file: a name from studies/, or a path.",
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        parser=parse_count,
        help="Total trials in the study, not trials to add.",
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        metavar="N",
        parser=parse_count,
        help="Epochs to train in all: then no new trial begins.",
    ),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="TIME",
        parser=parse_duration,
        help="Stop after this time: 90s, 30m, 2h.",
    ),
]
SlotsOption = Annotated[
    int | None,
    typer.Option(
        "--slots",
        metavar="N",
        parser=parse_count,
        help="Trials to run in parallel.  [default: one per core, one thread each]",
    ),
]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="URL",
        help="Train on other machines: ssh://HOST,HOST, listen://HOST:PORT, dask://HOST:PORT, "
        "ray.  --slots is then of each.",
    ),
]
SamplerOption = Annotated[
    SamplerName | None,
    typer.Option(
        "--sampler",
        metavar="|".join(SamplerName),
        parser=parse_choice(SamplerName),
        autocompletion=offer_choices(SamplerName),
        help=f"How to choose params.  [default: {DEFAULT_SAMPLER.value}]",
    ),
]
PrunerOption = Annotated[
    PrunerName | None,
    typer.Option(
        "--pruner",
        metavar="|".join(PrunerName),
        parser=parse_choice(PrunerName),
        autocompletion=offer_choices(PrunerName),
        help=f"How to stop bad trials early.  [default: {DEFAULT_PRUNER.value}]",
    ),
]
ObjectiveOption = Annotated[
    str | None,
    typer.Option(
        "--objective",
        metavar="A,B",
        help="The metric, then costs to keep low: seconds_per_epoch, n_weights.",
    ),
]
ReplicatesOption = Annotated[
    Replicates | None,
    typer.Option(
        "--replicates",
        metavar="|".join(Replicates),
        parser=parse_choice(Replicates),
        autocompletion=offer_choices(Replicates),
        help=f"Train the leaders with more seeds.  [default: {DEFAULT_REPLICATES.value}]",
    ),
]
RepeatsOption = Annotated[
    int | None,
    typer.Option(
        "--repeats",
        metavar="N",
        parser=parse_count,
        help="Train each trial with N seeds, for their mean.  [default: the study's, or 1]",
    ),
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        autocompletion=offer_hyperparameters,
        help="Fix a hyperparameter; repeatable.",
    ),
]
LogOption = Annotated[
    list[str],
    typer.Option(
        "--log",
        metavar="WHERE",
        autocompletion=offer_trackers,
        help="Also log to tensorboard:DIR or mlflow:URI; repeatable.",
    ),
]
TrialTimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--trial-timeout",
        metavar="TIME",
        parser=parse_duration,
        help="Kill a trial that runs longer.",
    ),
]
EpochTimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--epoch-timeout",
        metavar="TIME",
        parser=parse_duration,
        help="Kill a trial if an epoch takes longer.",
    ),
]
MemoryOption = Annotated[
    int | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        parser=parse_size,
        help="Kill a trial that uses more memory: 800M, 2G.",
    ),
]
RetriesOption = Annotated[
    int,
    typer.Option(
        "--retries",
        metavar="N",
        parser=parse_whole_number(0),
        help="Restarts allowed for a dead trial process that makes no progress.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
