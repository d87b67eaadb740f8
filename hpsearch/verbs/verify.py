"""`hpsearch verify`: whether anything in a study is lost, counted twice or left running."""

from hpsearch.errors import Conflict
from hpsearch.study.invariants import LEFT_RUNNING, violations
from hpsearch.study.lock import is_locked, study_lock
from hpsearch.study.record import load_study
from hpsearch.study.repair import Repair, find_repairs
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import plain, print_json


def verify(storage_url: str, study_name: str, *, as_json: bool, repair: bool = False) -> None:
    """Check a study's invariants, and mend what has one right cure.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        as_json: Print JSON.
        repair: Mend. A study in which there is nothing to mend is not touched.

    Raises:
        Conflict: Some invariants do not hold; they have been printed.
        StudyBusy: A launcher is running the study that is to be repaired.
    """
    storage = Storage(storage_url, read_only=True)
    study, record = load_study(storage, study_name)
    is_running = is_locked(storage, study_name)  # who works on it has unfinished things
    found = [] if is_running else find_repairs(storage, study)
    done: list[Repair] = []
    if repair and (found or is_running):
        found, done = _mend(storage_url, study_name)
        study, record = load_study(storage, study_name)
    # what still runs is among the repairs
    broken = [one for one in violations(storage, study, record) if one.invariant != LEFT_RUNNING]
    n_trials = len(study.get_trials(deepcopy=False))
    if as_json:
        content = [{"invariant": one.invariant, "what": one.what} for one in broken]
        print_json(
            {
                "schema": "hpsearch.verify/1",
                "trials": n_trials,
                "violations": content,
                "repairs": [
                    {"what": one.what, "means": one.means, "cure": one.cure, "is_done": one in done}
                    for one in found
                ],
            }
        )
    else:
        for one in found:
            print(plain(f"{one.what}: {one.cure if one in done else one.means}"))
        for violation in broken:
            print(plain(f"{violation.invariant}: {violation.what}\n  {violation.means}"))
    left = [one for one in found if one not in done]
    n_unsound = len(broken) + sum(not one.is_sound for one in left)
    hint = f"hpsearch verify {study_name} --repair" if left else ""
    if n_unsound:
        cure = f"{hint} mends what it can" if hint else "to mend this would be to guess"
        raise Conflict(
            f"study {study_name!r} is unsound: {n_unsound} violations in {n_trials} trials; {cure}"
        )
    if not as_json:
        print(f"study {study_name!r} is sound: {n_trials} trials checked")
        if hint:
            print(f"{hint} tidies up")


def _mend(storage_url: str, study_name: str) -> tuple[list[Repair], list[Repair]]:
    """Mend while no launcher can work on the study: what was found, and what is done."""
    storage = Storage(storage_url)
    with study_lock(storage, study_name):
        study, _ = load_study(storage, study_name)
        found = find_repairs(storage, study)
        done = [one for one in found if one.mend()]
    storage.close()
    return found, done
