"""The notebook of a report: it runs by itself, from the files beside it."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tests.reporting.written import rude_report

WITHOUT_HPSEARCH = "import sys; sys.modules['hpsearch'] = None  # whoever imports it fails"


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_it_runs_where_there_is_no_hpsearch(tmp_path: Path, monkeypatch):
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    shutil.copytree(rude_report() / "report", tmp_path / "report")
    notebook = nbformat.read(tmp_path / "report/report.ipynb", as_version=4)
    notebook.cells.insert(0, new_code_cell(WITHOUT_HPSEARCH))

    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path / "report")}}).execute()

    printed, pictures = [], 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            printed.append(output.get("text", ""))
            pictures += "image/png" in output.get("data", {})
    assert "6 rows" in "".join(printed)  # trials.csv
    assert pictures == 2  # the best of the search, and of the sweep


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_its_code_imports_nothing_but_the_standard_library_and_matplotlib():
    notebook = nbformat.read(rude_report() / "report/report.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")

    imports = [node for node in ast.walk(ast.parse(code)) if "Import" in type(node).__name__]
    assert list(map(ast.unparse, imports)) == [
        "import csv",
        "from pathlib import Path",
        "import matplotlib.pyplot as plt",
    ]
    assert all("<script" not in cell.source.replace("\\<", "") for cell in notebook.cells
               if cell.cell_type == "markdown" and "```" not in cell.source)  # fmt: skip


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_the_same_report_makes_the_same_notebook():
    notebook = nbformat.read(rude_report() / "report/report.ipynb", as_version=4)

    assert [cell.id for cell in notebook.cells] == [f"cell-{i}" for i in range(len(notebook.cells))]
