"""The source of functions: with all that they need, or refused in one line."""

from __future__ import annotations

import functools
import linecache
import sys

import pytest

from hpsearch.errors import UsageError
from hpsearch.tuning.source import Sources, require_argument, require_function
from tests.tuning import networks


def copied(function) -> Sources:
    sources = Sources()
    sources.add(function, "build")
    return sources


def run(sources: Sources) -> dict[str, object]:
    """The names that the copied code defines, in a module of its own."""
    lines = ["from __future__ import annotations", *sources.imports.values()]
    lines += [*sources.constants.values(), *sources.definitions.values()]
    names: dict[str, object] = {}
    exec(compile("\n".join(lines), "copied.py", "exec"), names)
    return names


def test_a_function_comes_with_the_functions_and_values_that_it_reaches():
    sources = copied(networks.build)

    assert list(sources.definitions) == ["hidden", "build"]
    assert sources.constants == {
        "N_CLASSES": "N_CLASSES = 3",  # what it is, not the statement that counted
        "RATES": "RATES = {'slow': 0.01, 'fast': 0.1}",
    }
    assert "# imported here, as this module" in sources.definitions["hidden"]


def test_a_class_comes_with_what_its_body_needs_and_works():
    assert run(copied(networks.doubled))["doubled"]({"units": 2}) == 6


def test_a_local_variable_is_not_the_global_of_that_name():
    assert copied(networks.shadowing).constants == {}


def test_keras_is_imported_inside_functions_since_a_study_file_is_read_without_it(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\n"
        "import json\n"
        "import optuna\n"
        "import keras\n"
        "from keras import layers\n"
        "def build(params: optuna.Trial) -> keras.Model:\n"
        '    """A network."""\n'
        "    json.dumps(1)\n"
        "    return layers.Dense(1)\n"
    )
    namespace = {"__name__": "__main__", "__file__": str(tmp_path / "mine.py")}
    code = compile((tmp_path / "mine.py").read_text(), str(tmp_path / "mine.py"), "exec")
    absent = {"keras", "optuna"} - set(sys.modules)  # a stand-in module, never called
    for name in absent:
        sys.modules[name] = type(sys)(name)
    try:
        sys.modules["keras"].__dict__.setdefault("layers", type(sys)("keras.layers"))
        exec(code, namespace)
    finally:
        for name in absent:
            del sys.modules[name]

    sources = copied(namespace["build"])

    assert sources.imports == {"json": "import json"}
    assert sources.definitions["build"].splitlines()[1:4] == [
        '    """A network."""',
        "    from keras import layers",
        "",
    ]


def test_what_is_typed_into_a_notebook_is_found_with_the_imports_of_other_cells():
    cells = [
        "%pwd\nimport json as j\nfrom math import pi",
        "UNITS = 4\ndef helper(n):\n    return n * UNITS * pi",
        "def build(params):\n    return j.dumps(1)",
        "def build(params):\n    return j.dumps(helper(2))",
    ]
    names: dict[str, object] = {"__name__": "__main__", "In": cells}
    for i, cell in enumerate(cells):  # as IPython does it
        filename, cell = f"/tmp/ipykernel_7/{i}.py", cell.replace("%pwd", "")
        linecache.cache[filename] = (len(cell), None, cell.splitlines(keepends=True), filename)
        exec(compile(cell, filename, "exec"), names)

    sources = copied(names["build"])

    assert sources.imports == {"j": "import json as j", "pi": "from math import pi"}
    assert list(sources.definitions) == ["helper", "build"]
    assert sources.constants == {"UNITS": "UNITS = 4"}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        pytest.param(lambda params: 1, "build is a lambda, .*: define it with def", id="lambda"),
        pytest.param(
            functools.partial(networks.build), "function that you define with def", id="partial"
        ),
        pytest.param(networks.build, None, id="sound"),
        pytest.param(networks.around(2), "build uses n of the function around it", id="closure"),
        pytest.param(networks.decorated, "uses function of the function around", id="decorated"),
        pytest.param(
            networks.of_images, "build uses IMAGES, a ndarray that cannot be written", id="array"
        ),
        pytest.param(
            networks.with_lambda, "build uses HIDING, which is a lambda", id="lambda within"
        ),
    ],
)
def test_what_cannot_stand_in_a_file_of_its_own_is_refused(function, message):
    if message is None:
        copied(function)
        return
    with pytest.raises(UsageError, match=message) as error:
        copied(function)
    assert "\n" not in str(error.value)


def test_code_that_python_keeps_no_source_of_is_refused():
    names: dict[str, object] = {"__name__": "__main__"}
    exec("def build(params): pass", names)

    with pytest.raises(UsageError, match="needs the source of build, which Python did not keep"):
        copied(names["build"])


def test_two_things_of_one_name_have_no_room_in_a_file():
    sources = copied(networks.build)

    def hidden(units):
        return units

    with pytest.raises(UsageError, match="two things called 'hidden'"):
        sources.add(hidden, "callbacks")


def test_a_build_that_takes_no_params_is_refused():
    def build():
        return None

    require_function(build, "build")
    with pytest.raises(UsageError, match=r"yours is build\(\): write def build\(params\)"):
        require_argument(build, "build", "params")
