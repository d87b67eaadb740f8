"""The procedure: retrain with fresh seeds, choose on validation, then open test once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

from optuna.study import Study

from hpsearch.curves.costs import measure_costs
from hpsearch.curves.curve import mean_logs
from hpsearch.curves.store import CurveStore
from hpsearch.data.arrays import Prepared
from hpsearch.errors import DataError, MetricNotFound, NothingFinished
from hpsearch.evaluation.candidates import Candidate, choose_candidates, fresh_seeds, ranked
from hpsearch.evaluation.opening import Opening, read_openings, record_opening
from hpsearch.figures import show_figure
from hpsearch.files import atomic_folder, sha256_of, slug
from hpsearch.goal import Logs
from hpsearch.messages import ALL_FOLDS, TRAIN, TRAIN_AND_VALID
from hpsearch.processes.runner import Runner
from hpsearch.processes.slots import NSlots, side_by_side
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import How
from hpsearch.processes.trainer import Taken, Trainer, UntilDiverged
from hpsearch.study.lock import process_name
from hpsearch.study.record import Record, versions
from hpsearch.study.storage import Storage
from hpsearch.task import Params, epochs_of

# Sums depend on the number of threads. With one thread, the figures do not depend on slots
# or cores, and an exported script can reproduce them.
N_THREADS = 1


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """A network to retrain."""

    name: str
    """What messages call it."""
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    seed: int
    fit_on: str = TRAIN
    fold: int | None = None
    """The one held out, where it is compared on folds."""

    def __str__(self) -> str:
        place = self.fit_on if self.fold is None else f"all folds but {self.fold}"
        return f"{self.name} on {place} with seed {self.seed}"


class Evaluation:
    """One evaluation of a study.

    Args:
        storage: Where the study is kept; the caller holds its lock.
        study: The study.
        record: Its stored description.
        data: The prepared arrays.
        runner: Where trial processes come from.
        n_slots: How many networks train in parallel.
        stop: A request to stop at once; trained epochs are kept for the next time.
        say: Called with each line of progress.
    """

    def __init__(
        self,
        storage: Storage,
        study: Study,
        record: Record,
        data: Prepared,
        runner: Runner,
        *,
        n_slots: NSlots,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        self.storage, self.study, self.record = storage, study, record
        self.data, self.n_slots, self.stop, self.say = data, n_slots, stop, say
        self.study_file = record.load()
        self.goal = self.study_file.task.goal
        self.trainer = Trainer(
            self.study_file,
            data,
            CurveStore(storage.curves),
            runner,
            versions=versions(),
            stop=stop,
            n_threads=N_THREADS,
            process_name=process_name(storage, study.study_name),
            say=say,
        )

    def run(self, n_top: int, n_seeds: int) -> Opening | None:
        """Choose the winner, open the test split and record the result.

        Args:
            n_top: How many of the best trials to retrain, besides the baseline.
            n_seeds: Fresh seeds for each candidate.

        Returns:
            What was recorded; None if stopped before that.

        Raises:
            NothingFinished: No trial has finished, or a retraining failed.
            DataError: A disk is full or cannot be written to.
        """
        costs = self.record.costs
        candidates = choose_candidates(self.study, self.study_file, n_top, costs=costs)
        seeds = fresh_seeds(self.record.seed, n_seeds)
        try:
            candidates, diverged = self._validate(candidates, seeds)
            splits = self.data.open()
            opening = Opening(
                opened="",
                n_top=n_top,
                seeds=seeds,
                metric=self.record.metric,
                direction=self.record.direction,
                unit=self.record.unit,
                costs=costs,
                candidates=ranked(candidates, self.goal),
                diverged=diverged,
                fitted_on=self._fit_on,
                n_valid=len(splits.train if splits.valid is None else splits.valid),
                n_test=len(splits.unseen()),
                versions=versions(),
                model="",
                model_sha256="",
            )
            finalists = self._train_finalists(opening)
            opening = self._open_test(opening, finalists)
        except _Stopped:
            return None
        self.trainer.store.evict()
        return opening

    def _validate(
        self, candidates: list[Candidate], seeds: list[int]
    ) -> tuple[list[Candidate], list[str]]:
        """The candidates with their figures on validation, and the names of those that diverged.

        Raises:
            NothingFinished: The baseline diverged.
        """
        names = ", ".join(candidate.name for candidate in candidates)
        task = self.study_file.task
        place = "train" if task.folds is None else f"{task.folds} folds"
        self.say(f"retraining on {place}: {names}; {_plural(len(seeds), 'fresh seed')} each")
        wanted = [
            Retraining(name=candidate.name, params=candidate.params, seed=seed, fold=fold)
            for candidate in candidates
            for seed in seeds
            for fold in task.fold_numbers
        ]
        n_folds = len(task.fold_numbers)
        of_all = self._train(wanted)
        logs = [mean_logs(of_all[i : i + n_folds]) for i in range(0, len(of_all), n_folds)]
        measured: list[Candidate] = []
        diverged: list[str] = []
        for i, candidate in enumerate(candidates):
            of_it = logs[i * len(seeds) : (i + 1) * len(seeds)]
            if all(map(self._is_finite, of_it)):
                values = [self.goal.value(of_one[-1]) for of_one in of_it]
                costs = self._costs(candidate, seeds, of_it)
                measured.append(replace(candidate, valid=values, costs=costs))
            elif candidate.is_baseline:
                raise NothingFinished(
                    "the baseline diverged with a fresh seed, so there is nothing to compare "
                    "with; nothing was recorded. Fix the task's baseline and start a new study"
                )
            else:
                diverged.append(candidate.name)
        return measured, diverged

    def _costs(
        self, candidate: Candidate, seeds: list[int], logs: Sequence[Sequence[Logs]]
    ) -> list[float]:
        """What a candidate costs, as means over seeds."""
        names = self.record.costs
        fold = self.study_file.task.fold_numbers[0]
        curves = [self.trainer.curve(candidate.params, seed, fold=fold) for seed in seeds]
        found = [measure_costs(names, *pair) for pair in zip(curves, logs, strict=True)]
        return [fmean(of_one_cost) for of_one_cost in zip(*found, strict=True)]

    def _train_finalists(self, opening: Opening) -> list[Retraining]:
        """Retrain winners and baseline for the test: all seeds of the winner first.

        With callbacks, they are those that were compared on validation.
        """
        fit_on = opening.fitted_on
        if fit_on != TRAIN:
            names = " and ".join(candidate.name for candidate in opening.finalists)
            self.say(f"retraining on {fit_on.replace('+', ' + ')}: {names}")
        wanted = [
            Retraining(name=candidate.name, params=candidate.params, seed=seed, fit_on=fit_on)
            for candidate in opening.finalists
            for seed in opening.seeds
        ]
        for one, logs in zip(wanted, self._train(wanted), strict=True):
            if not self._is_finite(logs):
                raise NothingFinished(
                    f"{one} diverged: its loss or metric became NaN or infinite; nothing was "
                    "recorded. Try other --top or --seeds"
                )
        return wanted

    def _open_test(self, opening: Opening, finalists: list[Retraining]) -> Opening:
        """Measure on test, then record it, before anyone sees a figure.

        An evaluation that is interrupted here has shown nothing: the next one opens test as
        if for the first time, with the same networks.
        """
        trained_on = self._published_on
        aside = []
        if trained_on != opening.fitted_on:  # trained already, to be compared on validation
            aside = [
                Retraining(name="the baseline", params=opening.baseline.params, seed=seed)
                for seed in opening.seeds
            ]
        self.say("opening the test split")
        number = len(read_openings(self.study)) + 1
        place = f"{slug(self.study.study_name)}/opening-{number}"
        folder = self.storage.models / place
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)  # left by one that died before recording
            with atomic_folder(folder) as scratch:
                logs = self._measure([*finalists, *aside], scratch)
                _require_test_metric(opening, logs)
                first = finalists[0]
                curve = self.trainer.curve(first.params, first.seed, first.fit_on)
                shutil.copy(curve.folder / "curve.json", scratch)
                digest = sha256_of(scratch / "model.keras")
        except OSError as error:
            raise DataError(f"cannot save the model in {folder}: {error}") from error
        candidates = _with_test(opening, logs[: len(finalists)])
        baseline = next(one for one in candidates if one.is_baseline)
        recorded = replace(
            opening,
            opened=datetime.now(UTC).isoformat(timespec="seconds"),
            candidates=candidates,
            trained_on=trained_on,
            as_published=logs[len(finalists) :] if aside else baseline.test,
            model=place,
            model_sha256=digest,
        )
        record_opening(self.study, recorded)
        return recorded

    @property
    def _fit_on(self) -> str:
        """What networks for the test are trained on: without what their callbacks may watch."""
        if self.study_file.task.folds is not None:
            return ALL_FOLDS
        return TRAIN_AND_VALID if self.study_file.task.callbacks is None else TRAIN

    @property
    def _published_on(self) -> str:
        task = self.study_file.task
        if task.published is None or task.folds is not None:
            return self._fit_on
        return task.published.trained_on

    def _train(self, wanted: Sequence[Retraining]) -> list[list[Logs]]:
        """Each network's logs, up to its last epoch or the one in which it diverged."""
        # longest first: slots finish together, and shorter trainings read theirs off
        order = sorted(range(len(wanted)), key=lambda i: -epochs_of(wanted[i].params))
        taken = self._side_by_side([wanted[i] for i in order], [None] * len(wanted))
        return [taken[order.index(i)].logs for i in range(len(wanted))]

    def _measure(self, finalists: Sequence[Retraining], folder: Path) -> list[Logs]:
        """Each network's logs on test; the first one's model goes into `folder`."""
        # each process saves its model: all but the first are deleted at the end
        places = [folder, *(folder / f"aside-{i}" for i in range(1, len(finalists)))]
        taken = self._side_by_side(finalists, places)
        for place in places[1:]:
            shutil.rmtree(place)
        return [one.test for one in taken]

    def _side_by_side(
        self, wanted: Sequence[Retraining], places: Sequence[Path | None]
    ) -> list[Taken]:
        """Train each in a slot; the first error stops the others and is raised."""
        errors: list[BaseException] = []
        lock = threading.Lock()

        def take(pair: tuple[Retraining, Path | None]) -> Taken | None:
            try:
                return self._take(*pair)
            except BaseException as error:  # noqa: BLE001  # raised once all have stopped
                with lock:
                    errors.append(error)
                self.stop.at_once(self.stop.why or Stop.ERROR)
                return None

        taken = side_by_side(self.n_slots, take, list(zip(wanted, places, strict=True)))
        for error in errors:
            if not isinstance(error, _Stopped):
                raise error
        whole = [one for one in taken if one is not None]
        if len(whole) < len(wanted):
            raise _Stopped
        return whole

    def _take(self, one: Retraining, place: Path | None) -> Taken:
        """Train one network, or read it off its curve.

        Raises:
            NothingFinished: Training failed; the message says which and why.
        """
        if self.stop.is_asked:
            raise _Stopped
        taken = self.trainer.take(
            one.params,
            one.seed,
            UntilDiverged(self.goal),
            name=str(one),
            fit_on=one.fit_on,
            fold=one.fold,
            export=place,
        )
        ending = taken.ending
        if ending.how is How.INTERRUPTED:
            raise _Stopped
        if ending.how not in {How.FINISHED, How.STOPPED}:
            reason = ending.reason or ending.how.value
            raise NothingFinished(f"retraining {one} failed: {reason}; nothing was recorded")
        if len(taken.logs) > taken.n_stored and self._is_finite(taken.logs):
            last = taken.logs[-1]
            name = self.goal.metric if self.goal.metric in last else "loss"
            self.say(f"trained {one}: {name} {show_figure(last[name])}")
        return taken

    def _is_finite(self, logs: Sequence[Logs]) -> bool:
        return all(map(self.goal.is_finite, logs))


class _Stopped(Exception):
    """A stop was requested."""


def _with_test(opening: Opening, logs: list[Logs]) -> list[Candidate]:
    """The candidates with their logs on test, given in the finalists' order."""
    n_seeds = len(opening.seeds)
    found = {
        finalist.name: logs[i * n_seeds : (i + 1) * n_seeds]
        for i, finalist in enumerate(opening.finalists)
    }
    return [replace(one, test=found.get(one.name, [])) for one in opening.candidates]


def _require_test_metric(opening: Opening, logs: list[Logs]) -> None:
    for one in logs:
        if opening.test_metric not in one:
            raise MetricNotFound(f"on test Keras logged {sorted(one)}, not {opening.test_metric!r}")


def _plural(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
