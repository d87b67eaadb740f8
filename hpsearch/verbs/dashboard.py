"""`hpsearch dashboard`: optuna-dashboard for people on this machine, also during a search."""

from __future__ import annotations

from secrets import token_urlsafe

from hpsearch.dashboard.guard import TOKEN
from hpsearch.dashboard.server import serve
from hpsearch.study.record import load_any_study
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import say


def dashboard(storage_url: str, study_name: str | None, *, port: int, allow_edit: bool) -> None:
    """Print the address of the dashboard and serve it until Ctrl-C or SIGTERM.

    Args:
        storage_url: A storage that exists.
        study_name: The study to open at; None for the list of studies.
        port: On 127.0.0.1; 0 for any free port.
        allow_edit: Whether the page may change studies.

    Raises:
        StorageError: There is no such storage.
        StudyNotFound: There is no such study.
        UsageError: The port cannot be used.
        SystemExit: Always, in the end: 130 after Ctrl-C, 143 after SIGTERM.
    """
    storage = Storage(storage_url, read_only=True)
    page = "/dashboard"
    if study_name is not None:
        study, _ = load_any_study(storage, study_name)
        page += f"/studies/{study._study_id}"
    token = token_urlsafe() if allow_edit else None
    if token is not None:
        page += f"?{TOKEN}={token}"
    rights = "the page may change studies" if allow_edit else "read-only; --allow-edit to change"

    def announce(address: str) -> None:
        print(f"{address}{page}", flush=True)
        say(f"serving {storage} ({rights}) until Ctrl-C")

    serve(storage_url, port=port, allow_edit=allow_edit, announce=announce, token=token)
