"""What a search leaves on the screen."""

from __future__ import annotations

from optuna.study import Study

from hpsearch.processes.stop import Stop
from hpsearch.study.record import read_record
from hpsearch.study.summary import Summary, summarize
from hpsearch.terminal.printing import error_console, print_line
from hpsearch.terminal.studies import print_networks, print_summary

N_NETWORKS = 5


def print_closing(study: Study, stop: Stop) -> Summary:
    """What a search leaves on the screen: the best networks and what to do next."""
    record = read_record(study)
    assert record is not None
    summary = summarize(study, record)
    console = error_console()
    print_summary(console, summary)
    print_networks(console, summary, summary.by_curve()[:N_NETWORKS])
    print_line(console, f"stopped: {stop.value}")
    name = study.study_name
    look = f"to look: hpsearch dashboard {name}"
    if stop in {Stop.INTERRUPTED, Stop.TERMINATED, Stop.TIMEOUT}:
        print_line(console, f"to go on: hpsearch resume {name}    to look: hpsearch show {name}")
    elif record.points:
        print_line(console, f"next: hpsearch table {name}    {look}")
    elif record.splits and "test" not in record.splits:  # nothing that evaluate could open
        print_line(console, f"next: hpsearch plot {name} curves    {look}")
    else:
        print_line(console, f"next: hpsearch evaluate {name}    {look}")
    return summary
