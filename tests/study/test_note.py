"""Notes on the pages of the dashboard: of a study, and of trials that share a curve."""

from __future__ import annotations

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState, create_trial
from optuna_dashboard import get_note, save_note

from hpsearch.study.configurations import Configuration, configurations_of
from hpsearch.study.note import LAST_LINE, escape, write_note, write_trial_notes
from hpsearch.study.trials import Attr, row
from tests.summaries import record


@pytest.fixture
def study() -> Study:
    """A pruned trial, the one it was promoted to, one read off that, and a stranger."""
    study = optuna.create_study(study_name="toy", direction="maximize")
    pruned = {Attr.OUTCOME: "pruned", Attr.EPOCHS_PRUNED: 8}
    promoted = {Attr.PROMOTED_FROM: 0, Attr.OUTCOME: "finished", Attr.EPOCHS_REUSED: 1}
    epochs = {"epochs": optuna.distributions.IntDistribution(1, 9)}
    for value, length, steps, attrs in (
        (None, 9, 1, pruned),
        (0.8, 9, 9, promoted),
        (0.9, 5, 0, {Attr.READ_OFF: 1}),
        (0.1, 3, 3, {Attr.OUTCOME: "finished"}),
    ):
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if value is None else TrialState.COMPLETE,
                value=value,
                params={"epochs": length},
                distributions=epochs,
                intermediate_values=dict.fromkeys(range(1, steps + 1), 0.5),
                user_attrs=attrs,
            )
        )
    return study


def note_of(study: Study, number: int) -> str:
    return get_note(Trial(study, study.trials[number]._trial_id)).partition("\n\n---")[0]


def test_the_note_of_a_study_names_the_task_and_the_best_trial_and_keeps_what_people_wrote(
    study: Study,
):
    save_note(study, "Ask Ada about this one.")

    write_note(study, record(), None)
    save_note(study, get_note(study) + "\n\nAda says: fine.")
    write_note(study, record(), Configuration(first=row(study.best_trial)))

    lines, _, below = get_note(study).partition(LAST_LINE)
    assert "A small task" in lines
    assert "in trial 2, the best so far" in lines
    assert "no trial has finished yet" not in lines
    assert below.split("\n\n")[1:] == ["Ask Ada about this one.", "Ada says: fine."]


def test_the_note_of_a_study_tells_a_mean_over_seeds_as_such(study: Study):
    add_replicate(study, of=2, value=0.7)
    (best,) = (one for one in configurations_of(map(row, study.trials)) if one.number == 2)

    write_note(study, record(), best)

    assert "**0\\.8**, the mean over 2 seeds, in trial 2, the best so far" in get_note(study)


def test_a_replicate_says_what_it_repeats(study: Study):
    add_replicate(study, of=2, value=0.7)

    write_trial_notes(study, 4)

    assert note_of(study, 4) == (
        "**Replicate of trial 2**: the same params, trained with another seed."
    )


def add_replicate(study: Study, *, of: int, value: float) -> None:
    repeated = study.trials[of]
    study.add_trial(
        create_trial(
            value=value,
            params=repeated.params,
            distributions=repeated.distributions,
            user_attrs={Attr.REPLICATE_OF: of, Attr.SEED: 5},
        )
    )


def test_a_note_that_is_up_to_date_is_not_written_again(study: Study):
    def n_versions() -> int:
        return study._storage.get_study_system_attrs(study._study_id)["dashboard:note_ver"]

    write_note(study, record(), None)
    before = n_versions()

    write_note(study, record(), None)

    assert n_versions() == before


def test_text_is_shown_letter_by_letter_on_one_line():
    assert escape("<b>*a*\n`c`") == r"\<b\>\*a\* \`c\`"


def test_trials_of_one_network_say_what_they_are_to_each_other(study: Study):
    write_trial_notes(study, 1)

    assert note_of(study, 0) == (
        "**Promoted**: pruned after epoch 1, but later among the best of its rung. "
        "Trial 1 continues the same network."
    )
    assert note_of(study, 1) == (
        "**Promoted from trial 0**: the same network and training run. This trial continues "
        "after epoch 1, where trial 0 was pruned.\n\n"
        "Trial 2 was **read off** this one: the same network after epoch 5."
    )
    assert note_of(study, 2) == (
        "**Read off trial 1**: the same network and training run, after epoch 5. "
        "Nothing was trained for this trial."
    )
    assert note_of(study, 3) == ""


def test_a_trial_that_stands_alone_gets_no_note(study: Study):
    write_trial_notes(study, 3)

    assert not any(note_of(study, number) for number in range(4))
