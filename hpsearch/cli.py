"""The command line: parse, call one verb, print.

Each command imports its verb when called, so `--help` does not wait for Optuna.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.completion

from hpsearch.choices import Form, Format, Kind, PredictedSplit, Shell, SplitName, storage_url
from hpsearch.command_options import (
    CsvOption,
    DataOption,
    DataTaskArgument,
    EpochsOption,
    EpochTimeoutOption,
    FactorsOption,
    ForceOption,
    JsonOption,
    LogOption,
    MarkdownOption,
    MemoryOption,
    MinutesOption,
    ModelArgument,
    NewFolderOption,
    ObjectiveOption,
    OnOption,
    PrunerOption,
    RepeatsOption,
    ReplicatesOption,
    RetriesOption,
    SamplerOption,
    SeedOption,
    SeedsOption,
    SetOption,
    SlotsOption,
    StorageOption,
    StudyArgument,
    StudyFileArgument,
    TimeoutOption,
    TrialsOption,
    TrialTimeoutOption,
    parse_choice,
    parse_count,
    parse_duration,
    parse_fixed,
    parse_names,
    parse_seed,
    parse_temperature,
    parse_whole_number,
    tell_of_password,
)
from hpsearch.completion import (
    offer_choices,
    offer_factors,
    offer_files,
    offer_models,
    offer_studies,
    offer_study_files,
)
from hpsearch.errors import HpsearchError, UsageError
from hpsearch.failpoints import require_sound
from hpsearch.files import is_full
from hpsearch.pictures.kinds import ABOUT, PictureKind
from hpsearch.processes.signals import Terminated, raised
from hpsearch.terminal.lasting import is_reader_gone
from hpsearch.terminal.starting import lasting_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hpsearch.agents.nodes import Nodes
    from hpsearch.searching.launch import Options


app = typer.Typer(
    add_completion=False,  # `hpsearch completion` prints what to source
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
typer.completion.completion_init()  # type: ignore[attr-defined]  # the shells it can answer
data_app = typer.Typer(no_args_is_help=True, help="Find, download and show data sets.")
app.add_typer(data_app, name="data", rich_help_panel="Start")
storage_app = typer.Typer(no_args_is_help=True, help="Move studies between storages.")
app.add_typer(storage_app, name="storage", rich_help_panel="Use")


def print_version(wanted: bool) -> None:
    """Print the versions a bug report needs, and exit."""
    if wanted:
        from hpsearch.study.record import versions

        for name, version in versions().items():
            print(f"{name} {version}")
        raise typer.Exit


@app.callback()
def hpsearch(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print versions and exit."
        ),
    ] = False,
) -> None:
    """Automated hyperparameter search for Keras.

    Start with: hpsearch run digits, then hpsearch show digits.
    """


@app.command("run", rich_help_panel="Start")
def run_command(
    study_file: StudyFileArgument,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    timeout: TimeoutOption = None,
    slots: SlotsOption = None,
    on: OnOption = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            parser=parse_seed,
            help="Seed for all randomness.  [default: the study's, or 0]",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="NAME", help="Name of the study.  [default: the file's]"),
    ] = None,
    storage: StorageOption = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    replicates: ReplicatesOption = None,
    repeats: RepeatsOption = None,
    objective: ObjectiveOption = None,
    data: DataOption = None,
    fix: SetOption = [],  # noqa: B006  # typer copies it
    log: LogOption = [],  # noqa: B006
    trial_timeout: TrialTimeoutOption = None,
    epoch_timeout: EpochTimeoutOption = None,
    memory: MemoryOption = None,
    retries: RetriesOption = 2,
) -> int:
    """Search a task: create its study or continue it.

    Rerun to continue: --trials is a total. Example: hpsearch run digits --trials 30
    """
    from hpsearch.verbs.run import run

    options = _options(
        storage,
        data,
        fix,
        trial_timeout,
        epoch_timeout,
        memory,
        study=study,
        trials=trials,
        epochs=epochs,
        timeout_s=timeout,
        slots=slots,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        replicates=replicates,
        repeats=repeats,
        objective=parse_names(objective),
        log=log,
        retries=retries,
    )
    with _nodes(on, slots) as nodes:
        return run(study_file, replace(options, nodes=nodes))


@app.command("resume", rich_help_panel="Start")
def resume_command(
    study: StudyArgument,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    timeout: TimeoutOption = None,
    slots: SlotsOption = None,
    on: OnOption = None,
    storage: StorageOption = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    replicates: ReplicatesOption = None,
    data: DataOption = None,
    fix: SetOption = [],  # noqa: B006  # typer copies it
    log: LogOption = [],  # noqa: B006
    trial_timeout: TrialTimeoutOption = None,
    epoch_timeout: EpochTimeoutOption = None,
    memory: MemoryOption = None,
    retries: RetriesOption = 2,
) -> int:
    """Continue a study from the storage, without its study file."""
    from hpsearch.verbs.run import resume

    options = _options(
        storage,
        data,
        fix,
        trial_timeout,
        epoch_timeout,
        memory,
        trials=trials,
        epochs=epochs,
        timeout_s=timeout,
        slots=slots,
        sampler=sampler,
        pruner=pruner,
        replicates=replicates,
        log=log,
        retries=retries,
    )
    with _nodes(on, slots) as nodes:
        return resume(study, replace(options, nodes=nodes))


@app.command("sweep", rich_help_panel="Lab bench")
def sweep_command(
    study_file: StudyFileArgument,
    factors: FactorsOption = None,
    seeds: SeedsOption = 3,
    minutes: MinutesOption = None,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="Also measure every level on test, as the labs do, and show what that does.",
        ),
    ] = False,
    slots: SlotsOption = None,
    on: OnOption = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study", metavar="NAME", help="Name of the sweep.  [default: the file's, and -sweep]"
        ),
    ] = None,
    storage: StorageOption = None,
    data: DataOption = None,
    log: LogOption = [],  # noqa: B006
    trial_timeout: TrialTimeoutOption = None,
    epoch_timeout: EpochTimeoutOption = None,
    memory: MemoryOption = None,
    retries: RetriesOption = 2,
) -> int:
    """Vary one factor at a time, and print the lab's table.

    Rerun to continue. Example: hpsearch sweep digits --factors units_1,activation
    """
    from hpsearch.verbs.sweep import sweep

    options = _options(
        storage,
        data,
        [],
        trial_timeout,
        epoch_timeout,
        memory,
        study=study,
        slots=slots,
        log=log,
        retries=retries,
    )
    names = parse_names(factors)
    with _nodes(on, slots) as nodes:
        return sweep(
            study_file,
            replace(options, nodes=nodes),
            factors=names,
            n_seeds=seeds,
            minutes=minutes,
            as_published=as_published,
        )


@app.command("lab", rich_help_panel="Lab bench")
def lab_command(
    study_file: StudyFileArgument,
    factors: FactorsOption = None,
    minutes: MinutesOption = None,
    seeds: SeedsOption = 3,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            autocompletion=offer_files,
            help="Folder to create for the report.  [default: the file's name, and -lab]",
        ),
    ] = None,
    slots: SlotsOption = None,
    on: OnOption = None,
    storage: StorageOption = None,
    data: DataOption = None,
    trial_timeout: TrialTimeoutOption = None,
    epoch_timeout: EpochTimeoutOption = None,
    memory: MemoryOption = None,
    retries: RetriesOption = 2,
) -> int:
    """Do a whole assignment, from the baseline to the report.

    Sweep, search, combine, evaluate, report. Rerun to continue.
    Example: hpsearch lab digits --minutes 5
    """
    from hpsearch.verbs.lab import lab

    options = _options(
        storage,
        data,
        [],
        trial_timeout,
        epoch_timeout,
        memory,
        slots=slots,
        retries=retries,
    )
    with _nodes(on, slots) as nodes:
        return lab(
            study_file,
            replace(options, nodes=nodes),
            factors=parse_names(factors),
            n_seeds=seeds,
            minutes=minutes,
            folder=output,
        )


@app.command("combine", rich_help_panel="Lab bench")
def combine_command(
    study: StudyArgument,
    search: Annotated[
        str | None,
        typer.Option(
            "--search",
            metavar="STUDY",
            autocompletion=offer_studies,
            help="Compare with this search.  [default: the study file's own, if there is one]",
        ),
    ] = None,
    slots: SlotsOption = None,
    on: OnOption = None,
    storage: StorageOption = None,
    data: DataOption = None,
    trial_timeout: TrialTimeoutOption = None,
    epoch_timeout: EpochTimeoutOption = None,
    memory: MemoryOption = None,
    retries: RetriesOption = 2,
) -> int:
    """Train the best levels of a sweep together.

    Says whether that gained what the single changes promised, and what it cost.
    """
    from hpsearch.verbs.combine import combine_sweep

    options = _options(
        storage,
        data,
        [],
        trial_timeout,
        epoch_timeout,
        memory,
        study=study,
        slots=slots,
        retries=retries,
    )
    with _nodes(on, slots) as nodes:
        return combine_sweep(study, replace(options, nodes=nodes), search=search)


@app.command("table", rich_help_panel="Lab bench")
def table_command(
    study: StudyArgument,
    storage: StorageOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    md: MarkdownOption = False,
    xlsx: Annotated[
        Path | None,
        typer.Option(
            "--xlsx", metavar="FILE", autocompletion=offer_files, help="Write a spreadsheet file."
        ),
    ] = None,
) -> None:
    """Print a sweep's table: what each level of each factor came to."""
    answer_fast()
    from hpsearch.verbs.table import table

    form = chosen_format(json=json, csv=csv, md=md)
    if form is not None and xlsx is not None:
        raise UsageError("--xlsx excludes --json, --csv and --md")
    table(storage_url(storage), study, form=form, xlsx=xlsx)


@app.command("report", rich_help_panel="Lab bench")
def report_command(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            autocompletion=offer_studies,
            help="A search, a sweep, or one of each.",
        ),
    ],
    output: NewFolderOption,
    storage: StorageOption = None,
    data: DataOption = None,
) -> None:
    """Write a folder to hand in: page, notebook, tables."""
    from hpsearch.verbs.report import report

    report(storage_url(storage), studies, output, data=data_folder(data))


@app.command("gradients", rich_help_panel="Lab bench")
def gradients_command(
    study_file: StudyFileArgument,
    factor: Annotated[
        str | None,
        typer.Option(
            "--factor",
            metavar="NAME",
            autocompletion=offer_factors,
            help="Compare its levels.  [default: the baseline alone]",
        ),
    ] = None,
    epochs: Annotated[
        int,
        typer.Option(
            "--epochs", metavar="N", parser=parse_whole_number(0), help="Train so long first."
        ),
    ] = 0,
    seed: SeedOption = 0,
    examples: Annotated[
        int,
        typer.Option(
            "--examples", metavar="N", parser=parse_count, help="Validation examples to average."
        ),
    ] = 256,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            autocompletion=offer_files,
            help="Draw them too: .svg, .png or .pdf.",
        ),
    ] = None,
    force: ForceOption = False,
    data: DataOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    md: MarkdownOption = False,
) -> None:
    """Show how the gradient vanishes over a network's time steps.

    Example: hpsearch gradients imdb_lstm_regularized --factor cell
    """
    from hpsearch.verbs.gradients import gradients

    gradients(
        study_file,
        factor=factor,
        epochs=epochs,
        seed=seed,
        n_examples=examples,
        data=data_folder(data),
        form=chosen_format(json=json, csv=csv, md=md),
        output=output,
        force=force,
    )


def _options(
    storage: str | None,
    data: Path | None,
    fix: list[str],
    trial_timeout: float | None,
    epoch_timeout: float | None,
    memory: int | None,
    **same: Any,
) -> Options:
    """The options of `run` and `resume`; `same` holds fields of `Options` to pass through."""
    from hpsearch.processes.supervisor import Limits
    from hpsearch.searching.launch import Options

    return Options(
        storage=storage_url(storage),
        data=data_folder(data),
        fixed=parse_fixed(fix),
        limits=Limits(trial_s=trial_timeout, epoch_s=epoch_timeout, memory=memory),
        **same,
    )


@contextmanager
def _nodes(on: str | None, slots: int | None) -> Iterator[Nodes | None]:
    """The nodes of `--on`, as long as a verb runs."""
    if on is None:
        yield None
        return
    from hpsearch.agents.on import opened
    from hpsearch.terminal.printing import say

    with opened(on, slots, say) as nodes:
        yield nodes


@app.command("init", rich_help_panel="Start")
def init_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the task; the file is NAME.py.")
    ],
    kind: Annotated[
        Kind,
        typer.Option(
            "--kind",
            metavar="|".join(Kind),
            parser=parse_choice(Kind),
            autocompletion=offer_choices(Kind),
            help="What your examples are.",
        ),
    ] = Kind.VECTORS,
) -> None:
    """Write a starter study file into the current folder."""
    from hpsearch.verbs.init import init

    init(name, kind)


@app.command("adopt", rich_help_panel="Start")
def adopt_command(
    script: Annotated[
        Path,
        typer.Argument(
            metavar="SCRIPT_OR_NOTEBOOK",
            autocompletion=offer_files,
            help="A Keras script, .py or .ipynb.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            autocompletion=offer_files,
            help="Study file to write.  [default: the script's name, and _study.py]",
        ),
    ] = None,
) -> None:
    """Make a study file of a plain Keras script, without running it.

    Its literals become the baseline. Example: hpsearch adopt lab1.ipynb
    """
    from hpsearch.verbs.adopt import adopt

    adopt(script, output)


@app.command("check", rich_help_panel="Start")
def check_command(
    study_file: StudyFileArgument,
    data: DataOption = None,
    train: Annotated[
        bool,
        typer.Option("--train", help="Also train for two epochs to measure what a trial costs."),
    ] = False,
) -> None:
    """Check a study file and show what a search would do."""
    from hpsearch.verbs.check import check

    check(study_file, data_folder(data), train=train)


@data_app.command("fetch")
def data_fetch_command(
    task: DataTaskArgument = None,
    data: DataOption = None,
) -> None:
    """Find or download data sets, and verify every file."""
    from hpsearch.verbs.data import fetch

    fetch(task, data_folder(data))


@data_app.command("status")
def data_status_command(
    task: DataTaskArgument = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show where each data set is, and whether it is intact."""
    from hpsearch.verbs.data import status

    status(task, data_folder(data), as_json=json)


@data_app.command("show")
def data_show_command(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            autocompletion=offer_study_files,
            help="A study file, an exported folder, or a data set such as imdb.",
        ),
    ],
    split: Annotated[
        SplitName,
        typer.Option(
            "--split",
            metavar="|".join(SplitName),
            parser=parse_choice(SplitName),
            autocompletion=offer_choices(SplitName),
            help="Where to look; test stays sealed.",
        ),
    ] = SplitName.TRAIN,
    example: Annotated[
        int,
        typer.Option(
            "--example",
            "--review",
            metavar="N",
            parser=parse_whole_number(0),
            help="Which example, from 0.",
        ),
    ] = 0,
    word: Annotated[
        int | None,
        typer.Option(
            "--word",
            metavar="N",
            parser=parse_count,
            help="Print the word of that rank instead; 1 is the most frequent.",
        ),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Print one example: text, an image in shades, or numbers."""
    from hpsearch.verbs.data_show import show, show_word

    if word is not None:
        show_word(task, word, data=data_folder(data), as_json=json)
        return
    show(task, split=split, number=example, data=data_folder(data), as_json=json)


@app.command("doctor", rich_help_panel="Start")
def doctor_command(
    storage: StorageOption = None,
    data: DataOption = None,
    on: OnOption = None,
    json: JsonOption = False,
) -> int:
    """Look at machine, Keras, storage, data and nodes, and say what to fix."""
    from hpsearch.verbs.doctor import doctor

    return doctor(storage_url(storage), data, on, as_json=json)


@app.command("agent", rich_help_panel="Use")
def agent_command(
    join: Annotated[
        str,
        typer.Argument(
            metavar="JOIN_FILE",
            autocompletion=offer_files,
            help="What a launcher with --on listen://HOST:PORT wrote; - for standard input.",
        ),
    ],
    slots: SlotsOption = None,
    data: DataOption = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="TIME",
            parser=parse_duration,
            help="How long to try to reach the launcher.  [default: 120s]",
        ),
    ] = None,
    apart: Annotated[
        bool, typer.Option("--apart", help="Use no folder that the launcher shares.")
    ] = False,
) -> None:
    """Run trials on this machine for a launcher elsewhere.

    It ends with the launcher. Example: hpsearch agent hpsearch-8765.join
    """
    from hpsearch.verbs.agent import agent

    agent(
        join,
        slots=slots,
        data=data_folder(data),
        wait_s=wait or 120,
        may_share=not apart,
    )


@storage_app.command("copy")
def storage_copy_command(
    source: Annotated[
        str,
        typer.Argument(metavar="FROM", callback=tell_of_password, help="The URL of a storage."),
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="TO", callback=tell_of_password, help="The URL of another one."),
    ],
    studies: Annotated[
        list[str] | None, typer.Argument(metavar="[STUDY]...", help="Studies.  [default: all]")
    ] = None,
) -> None:
    """Copy studies with their curves, models and artifacts; nothing is changed where they are.

    Rerun to continue. Example: hpsearch storage copy sqlite:///runs/studies.db sqlite:///kept.db
    """
    from hpsearch.verbs.storage import copy

    copy(source, target, studies or [])


@app.command("ls", rich_help_panel="Watch")
def ls_command(storage: StorageOption = None, json: JsonOption = False) -> None:
    """List the studies in the storage."""
    answer_fast()
    from hpsearch.verbs.ls import ls

    ls(storage_url(storage), as_json=json)


@app.command("show", rich_help_panel="Watch")
def show_command(
    study: StudyArgument,
    trial: Annotated[
        int | None, typer.Option("--trial", metavar="N", help="Show one trial with its curve.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", parser=parse_count, help="Only the best N.")
    ] = None,
    storage: StorageOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    md: MarkdownOption = False,
) -> None:
    """Show a study's trials, or one of them."""
    answer_fast()
    from hpsearch.verbs.show import show

    form = chosen_format(json=json, csv=csv, md=md)
    show(storage_url(storage), study, trial=trial, top=top, form=form)


PLOT_HELP = "\n".join(
    [
        "Draw one picture of a study, as SVG, PNG or PDF.\n\n\b\nKINDS",
        *(f"{kind:<12} {about.shows}" for kind, about in ABOUT.items()),
        "\nExample: hpsearch plot digits curves -o curves.png",
    ]
)


@app.command("plot", rich_help_panel="Watch", help=PLOT_HELP)
def plot_command(
    study: StudyArgument,
    kind: Annotated[
        PictureKind,
        typer.Argument(
            metavar="KIND",
            parser=parse_choice(PictureKind),
            autocompletion=offer_choices(PictureKind),
            show_choices=False,
            help="What to draw: see above.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            autocompletion=offer_files,
            help="File ending in .svg, .png or .pdf.  [default: STUDY-KIND.svg]",
        ),
    ] = None,
    trial: Annotated[
        int | None,
        typer.Option(
            "--trial", metavar="N", help="For curves, gradient: this trial.  [default: the best]"
        ),
    ] = None,
    factor: Annotated[
        str | None,
        typer.Option(
            "--factor",
            metavar="NAME",
            autocompletion=offer_factors,
            help="Of a sweep: this factor.  [default: all]",
        ),
    ] = None,
    force: ForceOption = False,
    storage: StorageOption = None,
    data: DataOption = None,
) -> None:
    """Draw one picture of a study, as SVG, PNG or PDF."""
    from hpsearch.pictures.gallery import Choice
    from hpsearch.verbs.plot import plot

    plot(
        storage_url(storage),
        study,
        kind,
        output,
        Choice(trial=trial, factor=factor),
        data=data_folder(data),
        force=force,
    )


@app.command("best", rich_help_panel="Watch")
def best_command(
    study: StudyArgument, storage: StorageOption = None, json: JsonOption = False
) -> None:
    """Print the best trial's value and params."""
    answer_fast()
    from hpsearch.verbs.best import best

    best(storage_url(storage), study, as_json=json)


@app.command("dashboard", rich_help_panel="Watch")
def dashboard_command(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]", autocompletion=offer_studies, help="Open the page of this study."
        ),
    ] = None,
    storage: StorageOption = None,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            parser=parse_whole_number(0, 65535),
            help="Port to serve on; 0 picks a free one.",
        ),
    ] = 8080,
    allow_edit: Annotated[
        bool, typer.Option("--allow-edit", help="Let the page change studies.")
    ] = False,
) -> None:
    """Serve optuna-dashboard on 127.0.0.1, even while a search runs."""
    from hpsearch.verbs.dashboard import dashboard

    dashboard(storage_url(storage), study, port=port, allow_edit=allow_edit)


@app.command("evaluate", rich_help_panel="Finish")
def evaluate_command(
    study: StudyArgument,
    top: Annotated[
        int,
        typer.Option(
            "--top", metavar="K", parser=parse_count, help="How many of the best trials to retrain."
        ),
    ] = 3,
    seeds: Annotated[
        int,
        typer.Option("--seeds", metavar="R", parser=parse_count, help="Fresh seeds per network."),
    ] = 3,
    slots: SlotsOption = None,
    on: OnOption = None,
    storage: StorageOption = None,
    data: DataOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Evaluate anew, opening the test split once more.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Retrain the best with fresh seeds, choose one, open test once."""
    from hpsearch.verbs.evaluate import evaluate

    with _nodes(on, slots) as nodes:
        evaluate(
            storage_url(storage),
            study,
            n_top=top,
            n_seeds=seeds,
            n_slots=slots,
            nodes=nodes,
            data=data_folder(data),
            again=again,
            as_json=json,
        )


@app.command("export", rich_help_panel="Finish")
def export_command(
    study: StudyArgument,
    output: NewFolderOption,
    also: Annotated[
        list[Form],
        typer.Option(
            "--also",
            metavar="|".join(Form),
            parser=parse_choice(Form),
            autocompletion=offer_choices(Form),
            help="Also for other programs: TensorFlow Serving, ONNX Runtime; repeatable.",
        ),
    ] = [],  # noqa: B006  # typer copies it
    storage: StorageOption = None,
    data: DataOption = None,
) -> None:
    """Write the winner to a folder that needs no hpsearch."""
    from hpsearch.verbs.export import export

    forms = list(dict.fromkeys(also))
    export(storage_url(storage), study, output, data=data_folder(data), forms=forms)


@app.command("predict", rich_help_panel="Use")
def predict_command(
    model: ModelArgument,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...",
            autocompletion=offer_files,
            help="Files, texts, or - for standard input.",
        ),
    ] = None,
    split: Annotated[
        PredictedSplit | None,
        typer.Option(
            "--split",
            metavar="|".join(PredictedSplit),
            parser=parse_choice(PredictedSplit),
            autocompletion=offer_choices(PredictedSplit),
            help="Instead of inputs: all examples of a split.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top", metavar="K", parser=parse_count, help="Show the K likeliest classes."
        ),
    ] = None,
    storage: StorageOption = None,
    data: DataOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Apply the winner to your own texts, images or numbers."""
    from hpsearch.verbs.predict import predict, predict_examples

    if split is not None:
        if inputs or top:
            raise UsageError("--split predicts its examples: it takes neither INPUT... nor --top")
        predict_examples(
            model,
            split,
            storage_url=storage_url(storage),
            data=data_folder(data),
            form=chosen_format(json=json, csv=csv, md=False),
        )
        return
    if not inputs:
        raise UsageError("predict takes INPUT...: files, texts, -, or else --split test")
    if csv:
        raise UsageError("--csv is for --split; for inputs use --json")
    predict(
        model,
        inputs,
        storage_url=storage_url(storage),
        data=data_folder(data),
        top=top,
        as_json=json,
    )


@app.command("generate", rich_help_panel="Use")
def generate_command(
    model: ModelArgument,
    seed_text: Annotated[
        str, typer.Option("--seed-text", metavar="TEXT", help="The text to continue.")
    ],
    chars: Annotated[
        int,
        typer.Option("--chars", metavar="N", parser=parse_count, help="Characters to write."),
    ] = 300,
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature",
            metavar="T",
            parser=parse_temperature,
            help="0 takes the likeliest character, 1 samples as predicted.",
        ),
    ] = 0.7,
    seed: SeedOption = 0,
    storage: StorageOption = None,
    data: DataOption = None,
) -> None:
    """Write text with the winner, one character at a time."""
    from hpsearch.verbs.generate import generate

    generate(
        model,
        seed_text,
        n_chars=chars,
        temperature=temperature,
        seed=seed,
        storage_url=storage_url(storage),
        data=data_folder(data),
    )


@app.command("verify", rich_help_panel="Finish")
def verify_command(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY_OR_DIR",
            autocompletion=offer_models,
            help="A study, or the folder of a report.",
        ),
    ],
    storage: StorageOption = None,
    json: JsonOption = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what has one right cure; say what was done.")
    ] = False,
) -> None:
    """Check a study, or the folder of a report.

    No trial is lost, counted twice or left running; a report's tables come from its studies.
    """
    answer_fast()
    if (Path(study) / "MANIFEST.json").is_file():
        from hpsearch.verbs.report import verify as verify_report

        if repair:
            raise UsageError("--repair is for studies: write a report anew instead")

        verify_report(storage_url(storage), Path(study), as_json=json)
        return
    from hpsearch.verbs.verify import verify

    verify(storage_url(storage), study, as_json=json, repair=repair)


@app.command("completion", rich_help_panel="Use")
def completion_command(
    shell: Annotated[
        Shell,
        typer.Argument(
            metavar="SHELL",
            parser=parse_choice(Shell),
            autocompletion=offer_choices(Shell),
            show_choices=False,
            help="bash, zsh or fish.",
        ),
    ],
) -> None:
    """Print what lets your shell complete with Tab.

    Put this into its start-up file: source <(hpsearch completion bash)
    """
    from hpsearch.verbs.completion import print_completion

    print_completion(shell, app)


def chosen_format(*, json: bool, csv: bool, md: bool) -> Format | None:
    """The format that a user asked for; None for people.

    Raises:
        UsageError: More than one.
    """
    wanted = {Format.JSON: json, Format.CSV: csv, Format.MD: md}
    chosen = [form for form, is_wanted in wanted.items() if is_wanted]
    if len(chosen) > 1:
        raise UsageError("--json, --csv and --md exclude each other")
    return chosen[0] if chosen else None


def answer_fast() -> None:
    """Turn off garbage collection for a verb that only reads and exits.

    Imports create many objects and hardly any garbage, so collecting takes a noticeable
    share of such a verb's time.
    """
    gc.disable()


def data_folder(option: Path | None) -> Path | None:
    """The user's data folder: from the option, the environment, or none."""
    environment = os.environ.get("HPSEARCH_DATA")
    return option or (Path(environment) if environment else None)


def main() -> None:
    """Run the command line; report an error as one line and an exit code."""
    with raised(), lasting_output():
        code = _run()
    gc.freeze()  # a last collection at exit would gain nothing
    sys.exit(code)


def _run() -> int:
    try:
        require_sound()
        return app(standalone_mode=False) or 0
    except HpsearchError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(error.format_message(), 2)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Terminated as end:
        return end.exit_code
    except (OSError, SystemExit) as end:
        # `hpsearch show STUDY | head`; typer may turn the broken pipe into a SystemExit
        cause = end.__context__ if isinstance(end, SystemExit) else end
        if not (is_reader_gone(cause) or (cause is not None and is_full(cause))):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if is_reader_gone(cause):
            return 0
        return _fail("the output could not be written: the disk is full; free some space", 5)


def _fail(message: str, code: int) -> int:
    from hpsearch.terminal.printing import say

    say(f"Error: {message}")
    return code
