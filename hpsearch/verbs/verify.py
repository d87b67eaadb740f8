"""`hpsearch verify`: whether anything in a study is lost, counted twice or left running."""

from hpsearch.errors import Conflict
from hpsearch.study.invariants import violations
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import plain, print_json


def verify(storage_url: str, study_name: str, *, as_json: bool) -> None:
    """Check a study's invariants.

    Raises:
        Conflict: Some do not hold; they have been printed.
    """
    storage = Storage(storage_url, read_only=True)
    study, record = load_study(storage, study_name)
    found = violations(storage, study, record)
    n_trials = len(study.get_trials(deepcopy=False))
    if as_json:
        content = [{"invariant": one.invariant, "what": one.what} for one in found]
        print_json({"schema": "hpsearch.verify/1", "trials": n_trials, "violations": content})
    else:
        for one in found:
            print(plain(f"{one.invariant}: {one.what}"))
    if found:
        raise Conflict(
            f"study {study_name!r} is unsound: {len(found)} violations in {n_trials} trials"
        )
    if not as_json:
        print(f"study {study_name!r} is sound: {n_trials} trials checked")
