"""A report, put together from studies: headings, sentences, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from hpsearch.curves.store import CurveStore
from hpsearch.errors import HpsearchError
from hpsearch.evaluation.candidates import baseline_of
from hpsearch.evaluation.sentences import called, show_interval, validation_sentences
from hpsearch.evaluation.sentences import test_sentences as sentences_on_test
from hpsearch.lab.as_published import describe_flattery, read_level_openings
from hpsearch.lab.cells import as_brief_cells, as_cells, remarks
from hpsearch.lab.combine import seeds_of
from hpsearch.pictures.drawing import Rendered, render
from hpsearch.pictures.gallery import OF_ANY_STUDY, Choice, draw, warning_of
from hpsearch.pictures.kinds import ABOUT, PictureKind
from hpsearch.pictures.subject import Subject
from hpsearch.reporting.evidence import answer, typed
from hpsearch.reporting.material import UNFINISHED, Material
from hpsearch.study.record import Record
from hpsearch.study.trials import TrialRow, curve_epochs
from hpsearch.task import Evidence, ParamValue, Question, describe_params

OF_SEARCH = (PictureKind.CURVES, *OF_ANY_STUDY)
OF_SWEEP = (PictureKind.FACTORS, PictureKind.TIME, PictureKind.TIMELINE)
OF_EVALUATION = (PictureKind.CONFUSION, PictureKind.MISTAKES, PictureKind.PREDICTIONS)
STUDY_FILE = "study_file.py"
"""The study file, beside the report."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a report, written to a file of its own too."""

    name: str
    """Of the file, without its suffix."""
    caption: str
    header: list[str]
    rows: list[list[ParamValue]]
    brief: tuple[list[str], list[list[ParamValue]]] | None = None
    """Header and rows for the page, where the table is too wide for one."""

    @property
    def shown(self) -> tuple[list[str], list[list[ParamValue]]]:
        """Header and rows for people."""
        return self.brief or (self.header, self.rows)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a report."""

    name: str
    """Of the file, without its suffix."""
    caption: str
    kind: PictureKind
    subject: Subject
    choice: Choice = Choice()

    def render(self) -> Rendered | None:
        """Draw it; None where the study has not what it takes, such as classes."""
        try:
            figure = draw(self.kind, self.subject, self.choice)
        except HpsearchError:
            return None
        return render(figure, self.name)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report under a heading."""

    anchor: str
    heading: str
    sentences: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    """What to type, line by line."""
    has_room: bool = False
    """Whether the reader is to write under it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of a report."""

    title: str
    studies: list[str]
    sections: list[Section]

    @property
    def tables(self) -> list[Table]:
        """Of all sections."""
        return [table for section in self.sections for table in section.tables]

    @property
    def pictures(self) -> list[Picture]:
        """Of all sections."""
        return [picture for section in self.sections for picture in section.pictures]


def put_together(material: Material) -> Report:
    """Everything that a report says.

    Args:
        material: The studies.
    """
    if not material.is_ours:
        subject = material.subjects[0]
        sections = [_search(material, subject), _measured(material)]
        return Report(title=subject.name, studies=[subject.name], sections=sections)
    sections = [_task(material), *_questions(material)]
    if material.sweep is not None:
        sections.append(_sweep(material, material.sweep))
    if material.search is not None:
        sections.append(_search(material, material.search))
    if material.openings:
        sections.append(_evaluation(material))
    sections += [_measured(material), _repeat(material)]
    return Report(
        title=material.study_file.title(),
        studies=[one.name for one in material.subjects],
        sections=sections,
    )


def _task(material: Material) -> Section:
    subject, task = material.subjects[0], material.study_file.task
    sentences = [f"Goal: {task.goal}."]
    if subject.record.splits:
        sentences.append(f"Examples: {_sizes(subject)}.")
    if material.n_running:
        sentences.append(
            f"This report was written while {material.unfinished}: it shows what there was by then."
        )
    sentences.append(f"The baseline: {describe_params(baseline_of(material.study_file))}.")
    baseline = next((row for row in subject.summary.rows if row.is_baseline), None)
    tables = []
    if baseline is not None:
        layers = CurveStore(subject.storage.curves).curve(baseline.curve or "none").layers
        if layers:
            n_weights = sum(layer.n_weights for layer in layers)
            tables.append(
                Table(
                    name="network",
                    caption=f"The baseline's network, {n_weights:,} weights",
                    header=["layer", "name", "output shape", "weights"],
                    rows=[[one.kind, one.name, one.shape, one.n_weights] for one in layers],
                )
            )
    picture = Picture(
        name="baseline",
        caption="The baseline's learning curve"
        + (", and the published one" if task.published and task.published.curve else ""),
        kind=PictureKind.BASELINE,
        subject=subject,
    )
    return Section(
        anchor="task",
        heading="The task",
        sentences=sentences,
        tables=tables,
        pictures=[picture],
    )


def _questions(material: Material) -> Iterator[Section]:
    for i, question in enumerate(material.study_file.task.questions, 1):
        yield Section(
            anchor=f"question-{i}",
            heading=question.words,
            sentences=answer(question, material),
            has_room=True,
        )


def _sweep(material: Material, subject: Subject) -> Section:
    table = subject.table
    sentences = remarks(table)
    sentences += _findings(material)
    for opening in read_level_openings(subject.study)[-1:]:
        sentences += describe_flattery(opening, subject.goal)
    if material.combined is not None:
        sentences += answer(Question(words="", evidence=Evidence.COMBINATION), material)
    pictures = [*_level_curves(subject), *_pictures(subject, OF_SWEEP)]
    return Section(
        anchor="sweep",
        heading=f"One factor at a time: {subject.name}",
        sentences=sentences,
        tables=[levels_table(subject)],
        pictures=pictures,
    )


def levels_table(subject: Subject) -> Table:
    """What each level of a sweep came to."""
    header, rows = as_cells(subject.table)
    return Table(
        name="levels",
        caption="What each level came to",
        header=header,
        rows=rows,
        brief=as_brief_cells(subject.table),
    )


def _findings(material: Material) -> list[str]:
    """The lab's findings, judged; nothing if it has none."""
    published = material.study_file.task.published
    if published is None or not published.findings:
        return []
    return answer(Question(words="", evidence=Evidence.FINDINGS), material)


def _search(material: Material, subject: Subject) -> Section:
    summary = subject.summary
    best = summary.best
    sentences = []
    if best is not None:
        sentences.append(
            f"The best is trial {best.number}, {subject.goal.label} {best}: "
            f"{describe_params(best.params)}."
        )
        if best.first.onset is not None:
            sentences.append(f"Its curve: {best.first.onset}.")
    if summary.front:
        objectives = ", ".join(goal.metric for goal in summary.objectives)
        numbers = ", ".join(str(one.number) for one in summary.front)
        sentences.append(f"On the front of {objectives}: trials {numbers}.")
    outcomes = ", ".join(f"{n} {outcome.value}" for outcome, n in summary.counts.most_common())
    trained = (
        f"; {curve_epochs(summary.rows):,} epochs trained, {summary.epochs_reused:,} saved by "
        f"reuse, {summary.epochs_pruned:,} by pruning"
    )
    sentences.append(
        f"{summary.n_trials} trials ({outcomes}){trained if subject.record.is_ours else ''}."
    )
    if material.sweep is None and material.is_ours:
        sentences += _findings(material)
    return Section(
        anchor="search",
        heading=f"The search: {subject.name}",
        sentences=sentences,
        tables=[trials_table(subject)],
        pictures=list(_pictures(subject, OF_SEARCH if subject.record.is_ours else OF_ANY_STUDY)),
    )


def trials_table(subject: Subject) -> Table:
    """All trials of a search, best first."""
    rows = subject.summary.ranked()
    names = list(dict.fromkeys(name for row in rows for name in row.params))
    costs = subject.summary.costs

    def cells(row: TrialRow) -> list[ParamValue]:
        return [
            row.number,
            None if row.value is None else round(row.value, 4),
            *(row.costs or [None] * len(costs)),
            row.outcome.value + ("" if row.replicate_of is None else ", a replicate"),
            None if row.onset is None else row.onset.brief,
            None if row.outcome in UNFINISHED else round(row.seconds, 1),
            *(row.params.get(name) for name in names),
        ]

    return Table(
        name="trials",
        caption="All trials, best first",
        header=["trial", subject.goal.metric, *costs, "outcome", "fit", "seconds", *names],
        rows=[cells(row) for row in rows],
    )


def _evaluation(material: Material) -> Section:
    opening = material.openings[-1]
    task = material.study_file.task
    rows: list[list[ParamValue]] = []
    for one in opening.candidates:
        has_test = bool(one.test)
        rows.append(
            [
                called(one),
                round(fmean(one.valid), 4),
                show_interval(opening.valid_interval(one)),
                round(fmean(opening.test_values(one)), 4) if has_test else None,
                show_interval(opening.test_interval(one)) if has_test else None,
                describe_params(one.params),
            ]
        )
    published = task.published
    if published is not None and published.test_accuracy is not None and opening.is_share:
        rows.append(["published", None, None, published.test_accuracy, None, published.source])
    header = ["network", "validation", "95 % interval", "test", "95 % interval on test", "params"]
    assert material.evaluated is not None
    n_seeds = len(opening.seeds)
    return Section(
        anchor="evaluation",
        heading="With fresh seeds, and on the test split",
        sentences=[
            *validation_sentences(opening),
            *sentences_on_test(material.openings, published),
        ],
        tables=[
            Table(
                name="evaluation",
                caption=f"Means over {n_seeds} fresh seed{'' if n_seeds == 1 else 's'}",
                header=header,
                rows=rows,
            )
        ],
        pictures=list(_pictures(material.evaluated, OF_EVALUATION)),
    )


def _measured(material: Material) -> Section:
    rows: list[list[ParamValue]] = []
    for subject in material.subjects:
        record, summary = subject.record, subject.summary
        seeds = sorted({point.seed for point in record.points}) or [record.seed]
        times = [row.started for row in summary.rows if row.started is not None]
        outcomes = ", ".join(f"{n} {one.value}" for one, n in summary.counts.most_common())
        facts = {
            "trials": f"{len(summary.rows)}: {outcomes}",
            "seeds": ", ".join(map(str, seeds)) if record.is_ours else None,
            "examples": _sizes(subject),
            "data": f"SHA-256 {record.data}" if record.is_ours else None,
            "sampler, pruner": _policy(record),
            "began": f"{min(times):%Y-%m-%d %H:%M}" if times else None,
            "time of slots": f"{summary.seconds:,.0f} s",
            "machine": record.machine or None,
            "versions": ", ".join(f"{name} {one}" for name, one in record.versions.items()),
        }
        rows += [[subject.name, name, fact] for name, fact in facts.items() if fact]
    sentences = ["Broken and failed trials are listed too, and count as trials."]
    if material.is_ours:
        sentences.insert(
            0,
            "Hyperparameters were chosen on the validation split. The test split is opened by "
            "hpsearch evaluate alone, and every opening is recorded.",
        )
    else:
        sentences.insert(
            0,
            "The study was made with Optuna, without hpsearch: data, seeds and what the "
            "objective measures are not recorded.",
        )
    return Section(
        anchor="measured",
        heading="How this was measured",
        sentences=sentences,
        tables=[
            Table(
                name="measured",
                caption="Seeds, data, versions",
                header=["study", "what", "value"],
                rows=rows,
            )
        ],
    )


def _repeat(material: Material) -> Section:
    commands: list[list[object]] = []
    if (search := material.search) is not None:
        record, summary = search.record, search.summary
        commands.append(
            ["run", STUDY_FILE, "--study", search.name, "--trials", summary.n_trials,
             "--seed", record.seed, "--sampler", record.sampler, "--pruner", record.pruner,
             "--replicates", record.replicates,
             *(["--objective", ",".join(one.metric for one in record.objectives)]
               if record.costs else [])]
        )  # fmt: skip
    if (sweep := material.sweep) is not None:
        n_seeds = len(seeds_of(sweep.record, sweep.table.baseline.params))
        names = [factor.name for factor in sweep.table.factors]
        is_part = 0 < len(names) < len(material.study_file.task.all_factors())
        commands.append(
            ["sweep", STUDY_FILE, "--study", sweep.name, "--seeds", n_seeds,
             *(["--factors", ",".join(names)] if is_part else [])]
        )  # fmt: skip
        if material.combined is not None:
            with_search = [] if search is None else ["--search", search.name]
            commands.append(["combine", sweep.name, *with_search])
    if material.evaluated is not None:
        opening = material.openings[-1]
        commands.append(
            ["evaluate", material.evaluated.name, "--top", opening.n_top,
             "--seeds", len(opening.seeds)]
        )  # fmt: skip
    commands.append(["report", *(one.name for one in material.subjects), "-o", "again"])
    return Section(
        anchor="repeat",
        heading="To repeat it",
        sentences=["In a folder with this report's study_file.py:"],
        commands=[typed(*command) for command in commands],
    )


def _policy(record: Record) -> str | None:
    if not record.is_ours:
        return None
    return "none" if record.points else f"{record.sampler}, {record.pruner}"


def _sizes(subject: Subject) -> str:
    return ", ".join(f"{part} {n:,}" for part, n in subject.record.splits.items())


def _level_curves(subject: Subject) -> Iterator[Picture]:
    for i, factor in enumerate(subject.table.factors, 1):
        yield Picture(
            name=f"curves-{i}-{_slug(factor.name)}",
            caption=f"Learning curves by {factor.name}",
            kind=PictureKind.CURVES,
            subject=subject,
            choice=Choice(factor=factor.name),
        )


def _pictures(subject: Subject, kinds: Sequence[PictureKind]) -> Iterator[Picture]:
    for kind in kinds:
        caption = ABOUT[kind].shows[0].upper() + ABOUT[kind].shows[1:]
        if warning := warning_of(kind, subject):
            caption += f". {warning[0].upper()}{warning[1:]}"
        prefix = "sweep-" if subject.is_sweep else ""
        yield Picture(name=f"{prefix}{kind}", caption=caption, kind=kind, subject=subject)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower())[:40]
