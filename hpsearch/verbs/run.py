"""`hpsearch run` and `hpsearch resume`: search a task, or continue a study."""

from __future__ import annotations

from collections.abc import Callable

from optuna.study import Study

from hpsearch.lab.cells import note_table
from hpsearch.processes.stop import Stop
from hpsearch.searching import launch
from hpsearch.searching.launch import Options
from hpsearch.searching.view import View
from hpsearch.terminal.closing import print_closing
from hpsearch.terminal.live import open_view

EXIT_CODES = {Stop.INTERRUPTED: 130, Stop.TERMINATED: 143}


def run(name_or_path: str, options: Options) -> int:
    """Search a task with live progress, then print a summary.

    Returns:
        The exit code.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    return _watched(lambda view: launch.run(name_or_path, options, view))


def resume(study_name: str, options: Options) -> int:
    """Continue a study with live progress, then print a summary.

    Returns:
        The exit code.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    return _watched(lambda view: launch.resume(study_name, options, view, note_table))


def _watched(search: Callable[[View], tuple[Study, Stop]]) -> int:
    with open_view() as view:
        study, stop = search(view)
    summary = print_closing(study, stop)
    if stop in EXIT_CODES:
        return EXIT_CODES[stop]
    return 3 if summary.best is None else 0
