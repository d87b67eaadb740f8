"""`hpsearch ls`: the studies of a storage."""

import optuna

from hpsearch.errors import StorageError, UsageError
from hpsearch.study.record import read_record, record_of_others
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from hpsearch.terminal.printing import output_console, print_json, print_table, say

STATES = ("running", "waiting")  # columns for people only where a trial is in that state


def ls(storage_url: str, *, as_json: bool) -> None:
    """Print a line for each study, those that Optuna made without hpsearch too.

    Raises:
        StorageError: There is no such storage.
    """
    storage = Storage(storage_url, read_only=True)
    summaries = []
    for name in optuna.get_all_study_names(storage.optuna):
        study = optuna.load_study(study_name=name, storage=storage.optuna)
        try:
            summaries.append(summarize(study, read_record(study) or record_of_others(study)))
        except (StorageError, UsageError) as error:  # the others can be read all the same
            say(f"not listed: {error}")
    if as_json:
        print_json(
            {"schema": "hpsearch.ls/1", "studies": [_as_json(summary) for summary in summaries]}
        )
    elif not summaries:
        print(f"no studies in {storage}: hpsearch run digits creates one")
    else:
        rows = [_as_json(summary) for summary in summaries]
        header = [name for name in rows[0] if name not in STATES or any(row[name] for row in rows)]
        print_table(output_console(), header, [[row[name] for name in header] for row in rows])


def _as_json(summary: Summary) -> dict[str, str | int | float | None]:
    return {
        "study": summary.name,
        "trials": summary.n_trials,
        "best": None if summary.best is None else summary.best.mean,
        "metric": summary.goal.metric,
        "running": summary.counts[Outcome.RUNNING],
        "waiting": summary.counts[Outcome.WAITING],
        "task": summary.title,
    }
