"""`hpsearch best`: the best trial's value and params."""

from hpsearch.errors import NothingFinished
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import summarize
from hpsearch.terminal.printing import plain, print_json, show_cell


def best(storage_url: str, study_name: str, *, as_json: bool) -> None:
    """Print the best trial of a study.

    Raises:
        StudyNotFound: There is no such study.
        NothingFinished: No trial has finished yet.
    """
    summary = summarize(*load_study(Storage(storage_url, read_only=True), study_name))
    best = summary.best
    if best is None:
        counts = ", ".join(f"{n} {outcome.value}" for outcome, n in summary.counts.items())
        raise NothingFinished(f"study {study_name!r} has no finished trial yet: {counts or 'none'}")
    if as_json:
        print_json(
            {
                "schema": "hpsearch.best/1",
                "study": study_name,
                "trial": best.number,
                "metric": summary.goal.metric,
                "value": best.mean,
                "values": best.values,
                "spread": best.spread,
                "params": best.params,
            }
        )
        return
    print(f"trial {best.number}: {summary.goal.metric} {best}")
    for name, param in best.params.items():
        if param is not None:  # such as the units of a layer that is not there
            print(plain(f"{name} = {show_cell(param)}"))
