"""What exported code imports, and the packages and versions that provide it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from hpsearch.export.requirements import local_modules, requirements
from hpsearch.study_file import imports_of

VERSIONS = {"python": "3.11.7", "backend": "jax", "keras": "3.1", "jax": "0.5", "numpy": "2.0"}


def test_imports_are_found_wherever_they_stand_but_those_of_python_itself():
    code = "import math, os.path, keras\ndef f():\n    from scipy.sparse import csr_array\n"

    assert imports_of(code) == {"keras", "scipy"}


def test_keras_backend_and_numpy_are_pinned_to_what_trained_the_network():
    assert requirements(["keras", "numpy"], VERSIONS) == [
        "# Python 3.11.7",
        "keras==3.1",
        "jax==0.5",
        "numpy==2.0",
    ]


def test_other_packages_are_pinned_by_their_own_names_to_what_is_installed():
    version = importlib.metadata.version("scikit-learn")

    assert requirements(["sklearn"], VERSIONS)[-1] == f"scikit-learn=={version}"


def test_a_module_is_local_where_no_package_brings_it(cwd: Path, monkeypatch: pytest.MonkeyPatch):
    (cwd / "mine.py").write_text("")
    monkeypatch.syspath_prepend(cwd)

    assert local_modules(["keras", "scipy", "mine", "not_installed"]) == ["mine"]


def test_a_module_of_ones_own_may_have_the_name_of_an_installed_one(tmp_path, monkeypatch):
    (tmp_path / "yaml").mkdir()
    (tmp_path / "yaml" / "__init__.py").touch()
    assert local_modules(["yaml"]) == []

    monkeypatch.syspath_prepend(tmp_path)

    assert local_modules(["yaml"]) == ["yaml"]
