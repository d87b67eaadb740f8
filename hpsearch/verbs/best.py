"""`hpsearch best`: the best trial's value and params."""

from hpsearch.curves.costs import describe_cost
from hpsearch.errors import NothingFinished
from hpsearch.study.configurations import Configuration
from hpsearch.study.record import load_any_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import summarize
from hpsearch.terminal.printing import plain, print_json, show_cell
from hpsearch.terminal.studies import describe_front


def best(storage_url: str, study_name: str, *, as_json: bool) -> None:
    """Print the best trial of a study, or the front if it has several objectives.

    Raises:
        StudyNotFound: There is no such study.
        NothingFinished: No trial has finished yet.
    """
    summary = summarize(*load_any_study(Storage(storage_url, read_only=True), study_name))
    best, names = summary.best, [goal.metric for goal in summary.objectives]
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
                "front": [
                    {
                        "trial": one.number,
                        "values": dict(zip(names, (one.mean, *one.first.costs), strict=True)),
                        "params": one.params,
                    }
                    for one in summary.front
                ],
            }
        )
        return
    if summary.front:
        print(describe_front(summary))
        for one in summary.front:
            costs = zip(summary.costs, one.first.costs, strict=True)
            figures = [f"{name} {describe_cost(name, cost)}" for name, cost in costs]
            print(f"\ntrial {one.number}: {', '.join([f'{summary.goal.label} {one}', *figures])}")
            _print_params(one)
        return
    print(f"trial {best.number}: {summary.goal.label} {best}")
    _print_params(best)


def _print_params(one: Configuration) -> None:
    for name, param in one.params.items():
        if param is not None:  # such as the units of a layer that is not there
            print(plain(f"{name} = {show_cell(param)}"))
