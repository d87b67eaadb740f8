"""Search spaces: explored, counted, and rejected if invalid."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from hpsearch.errors import SpaceError, StudyFileError
from hpsearch.study.space import Space, explore, params_of, parse_value, validate
from hpsearch.study_file import read_study_file
from hpsearch.task import Params
from tests.study_texts import study_text


def explored(folder: Path, *lines: str, **fields: str) -> Space:
    """The space whose function has these lines."""
    path = folder / "task.py"
    path.write_text(study_text(*lines, **fields))
    return explore(read_study_file(str(path)))


def test_a_space_knows_its_ranges_and_what_is_conditional(tmp_path: Path):
    space = explored(
        tmp_path,
        "n_layers = trial.suggest_int('layers', 1, 2)",
        "if n_layers == 2:",
        "    trial.suggest_int('units_2', 1, 8)",
        "trial.suggest_float('rate', 1e-4, 0.1, log=True)",
        baseline="layers=1, rate=0.01",
    )

    assert space.distributions == {
        "layers": IntDistribution(1, 2),
        "units_2": IntDistribution(1, 8),
        "rate": FloatDistribution(1e-4, 0.1, log=True),
    }
    assert space.conditional == {"units_2"}
    assert space.continuous == ["rate"]
    assert space.n_combinations is None


def test_combinations_are_counted_branch_by_branch(tmp_path: Path):
    space = explored(
        tmp_path,
        "if trial.suggest_int('layers', 1, 2) == 2:",
        "    trial.suggest_int('units_2', 1, 8)",
        "trial.suggest_float('dropout', 0.0, 0.5, step=0.1)",
        "trial.suggest_categorical('kind', ['a', 'b', None])",
        baseline="layers=1, dropout=0.3, kind='a'",
    )

    assert space.n_combinations == (1 + 8) * 6 * 3


def test_a_branch_that_only_the_baseline_takes_is_part_of_the_space(tmp_path: Path):
    space = explored(
        tmp_path,
        "if trial.suggest_int('units', 1, 10**9) == 123_456:",
        "    trial.suggest_int('extra', 1, 2)",
        baseline="units=123_456, extra=1",
    )

    assert space.conditional == {"extra"}


def test_the_same_suggestion_twice_has_one_value(tmp_path: Path):
    space = explored(
        tmp_path,
        "a, b = (trial.suggest_int('units', 1, 1000) for _ in range(2))",
        "assert a == b == trial.params['units']",
        "assert list(trial.distributions) == ['units']",
        baseline="units=1",
    )

    assert space.n_combinations == 1000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("float('x', 0.1, 0.001)", "x: low (0.1) is greater than", id="low > high"),
        pytest.param("int('x', 8, 1)", "x: low (8) is greater than high (1)", id="int low > high"),
        pytest.param("float('x', 0, 1, log=True)", "a log scale cannot start at 0", id="log of 0"),
        pytest.param("int('x', 0, 9, log=True)", "a log scale cannot start at 0", id="int log 0"),
        pytest.param("float('x', 0, float('inf'))", "must be finite", id="inf"),
        pytest.param("float('x', float('nan'), 1)", "must be finite", id="nan"),
        pytest.param("int('x', 1, float('inf'))", "must be finite", id="int inf"),
        pytest.param("float('x', '0', 1)", "must be numbers, not '0'", id="text for a bound"),
        pytest.param("int('x', 1.5, 3)", "takes whole numbers, not 1.5", id="fraction"),
        pytest.param("int('x', 1, 8, step=2.5)", "whole numbers, not 2.5", id="fraction of step"),
        pytest.param(
            "int('x', 1, 8, step=3)",
            "steps of 3 from 1 do not reach 8: write high=7, or another step",
            id="step that misses high",
        ),
        pytest.param(
            "float('x', 0, 0.5, step=0.2)",
            "steps of 0.2 from 0 do not reach 0.5: write high=0.4",
            id="fractional step that misses high",
        ),
        pytest.param("int('x', 1, 8, step=0)", "step must be more than 0", id="no step"),
        pytest.param("float('x', 0, 1, step=-0.1)", "step must be more than 0", id="step back"),
        pytest.param("int('x', 1, 8, step=2, log=True)", "no steps", id="step on a log scale"),
        pytest.param("categorical('x', [])", "x: give at least one choice", id="no choices"),
        pytest.param("categorical('x', 'relu')", "write ['relu']", id="text for choices"),
        pytest.param("categorical('x', [[1], [2]])", "not the list [1]", id="lists"),
        pytest.param("categorical('x', ['a', 'a'])", "duplicate choice 'a'", id="twice"),
        pytest.param("categorical('x', [32, '64'])", "remove the quotes", id="mixed kinds"),
        pytest.param("categorical('x', [float('nan')])", "must be finite", id="nan choice"),
        pytest.param("float('epochs', 1, 9)", "takes whole numbers: use suggest_int", id="half"),
        pytest.param("int('epochs', 0, 9)", "epochs: low must be 1 or more", id="no epochs"),
        pytest.param("categorical('batch_size', [0])", "numbers of 1 or more", id="no batch"),
        pytest.param("int('x', 1)", "TypeError", id="an argument short"),
        pytest.param(
            "int('x', 1, 2), trial.suggest_int('x', 1, 3)",
            "'x' both as whole number 1 to 2 and as whole number 1 to 3",
            id="one name, two ranges",
        ),
    ],
)
def test_an_invalid_range_is_named_with_its_line(tmp_path: Path, line: str, words: str):
    with pytest.raises(StudyFileError) as caught:
        explored(tmp_path, "", f"trial.suggest_{line}", baseline="x=1")

    assert str(caught.value).startswith(f"{tmp_path / 'task.py'}:10: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("1 / 0", "space(trial) raised ZeroDivisionError", id="raises"),
        pytest.param("raise SystemExit(0)", "space(trial) raised SystemExit: 0", id="exits"),
        pytest.param(
            "trial.sugest_int('x', 1, 2)", "space(trial) raised AttributeError", id="misspells"
        ),
    ],
)
def test_a_space_that_fails_is_named_with_its_line(tmp_path: Path, line: str, words: str):
    with pytest.raises(StudyFileError) as caught:
        explored(tmp_path, line)

    assert str(caught.value).startswith(f"{tmp_path / 'task.py'}:9: {words}")


def test_a_space_that_suggests_nothing_is_refused(tmp_path: Path):
    with pytest.raises(StudyFileError, match=r"space\(trial\) suggests nothing"):
        explored(tmp_path, "pass")


@pytest.mark.parametrize(
    ("fields", "line", "words"),
    [
        pytest.param(
            {"baseline": "units=9"}, 9, "the baseline sets units=9, outside whole", id="outside"
        ),
        pytest.param({"baseline": "units=2.0"}, 9, "sets units=2.0, outside", id="another kind"),
        pytest.param({"baseline": "units='2'"}, 9, "sets units='2', outside", id="text"),
        pytest.param({"baseline": "units=True"}, 9, "sets units=True, outside", id="a truth"),
        pytest.param({"baseline": ""}, 9, "the baseline lacks 'units', which space", id="missing"),
        pytest.param(
            {"baseline": "unit=2"}, 9, "lacks 'units', .* here: rename 'unit'", id="misspelt"
        ),
        pytest.param(
            {"baseline": "units=2, unts=3"},
            17,
            "the baseline names 'unts', .*: did you mean 'units'",
            id="a name too many",
        ),
        pytest.param(
            {"baseline": "units=2", "factors": "units=[2, 9]"},
            18,
            "the factor 'units' sets units=9, outside",
            id="a factor's value outside",
        ),
        pytest.param(
            {"baseline": "units=2", "factors": "unit=[1]"},
            18,
            "the factor 'unit' names 'unit', .*: did you mean 'units'",
            id="a factor that is no hyperparameter",
        ),
    ],
)
def test_baseline_and_factors_outside_the_space_are_named_with_their_line(
    tmp_path: Path, fields: dict[str, str], line: int, words: str
):
    with pytest.raises(SpaceError, match=words) as caught:
        explored(tmp_path, "trial.suggest_int('units', 1, 8)", **fields)

    assert str(caught.value).startswith(f"{tmp_path / 'task.py'}:{line}: ")


LAYERS = (
    "for i in range(1, trial.suggest_int('layers', 1, 3) + 1):",
    "    trial.suggest_int(f'units_{i}', 1, 8)",
)


def levels_of(folder: Path, **fields: str) -> list[Params]:
    """The params of the first factor's levels."""
    space = explored(folder, *LAYERS, **{"baseline": "layers=1, units_1=2", **fields})
    study_file = read_study_file(str(folder / "task.py"))
    factor = study_file.task.all_factors()[0]
    return [params_of(study_file, space, factor, level) for level in factor.levels]


def test_a_level_has_the_baselines_values_but_for_what_it_sets(tmp_path: Path):
    levels = levels_of(tmp_path, factors="layer=[dict(layers=1), dict(layers=2, units_2=5)]")

    trainer = {"epochs": 1, "batch_size": 4}
    assert levels == [
        {**trainer, "layers": 1, "units_1": 2},
        {**trainer, "layers": 2, "units_1": 2, "units_2": 5},
    ]


def test_a_level_may_change_what_the_space_leaves_to_the_baseline(tmp_path: Path):
    assert [level["epochs"] for level in levels_of(tmp_path, factors="epochs=[3, 9]")] == [3, 9]


@pytest.mark.parametrize(
    ("fields", "line", "words"),
    [
        pytest.param(
            {"factors": "units_2=[5]"},
            18,
            "the level 5 of the factor 'units_2' sets units_2=5, but the space does not suggest "
            "'units_2' there: add layers=[23] to the level",
            id="a layer that is not there",
        ),
        pytest.param(
            {"factors": "layers=[2]"},
            18,
            "the level 2 of the factor 'layers' needs a value for 'units_2'",
            id="a layer without units",
        ),
        pytest.param(
            {"paths": "dict(up=[dict(layers=2, units_2=5), dict(layers=3)])"},
            22,
            "the level layers=3 units_2=5 of the factor 'up' needs a value for 'units_3'",
            id="a step of a path",
        ),
    ],
)
def test_a_level_that_the_space_does_not_hold_as_a_whole_is_refused(
    tmp_path: Path, fields: dict[str, str], line: int, words: str
):
    with pytest.raises(SpaceError, match=words) as caught:
        levels_of(tmp_path, **fields)

    assert str(caught.value).startswith(f"{tmp_path / 'task.py'}:{line}: ")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("units", "3", 3), ("rate", "1e-2", 0.01), ("kind", "2", 2), ("kind", "None", None)],
)
def test_values_of_the_command_line_become_those_of_the_space(
    tmp_path: Path, name: str, text: str, value: object
):
    space = explored(
        tmp_path,
        "trial.suggest_int('units', 1, 8)",
        "trial.suggest_float('rate', 1e-4, 0.1)",
        "trial.suggest_categorical('kind', ['a', 2, None])",
        baseline="units=1, rate=0.1, kind='a'",
    )

    assert parse_value(name, text, space) == value
    with pytest.raises(SpaceError, match=f"--set sets {name}='?nothing'?, outside"):
        parse_value(name, "nothing", space)


def test_params_of_an_unknown_name_are_refused_with_what_there_is(tmp_path: Path):
    space = explored(tmp_path, "trial.suggest_int('units', 1, 8)", baseline="units=1")

    with pytest.raises(SpaceError, match=r"the trial names 'depth', .* \(it suggests units\)"):
        validate({"depth": 1}, space, "the trial")
