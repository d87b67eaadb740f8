"""The winner in forms that other programs take: TensorFlow's SavedModel, and ONNX."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hpsearch.choices import Form
from hpsearch.data.arrays import Dataset, write_split
from hpsearch.errors import UsageError
from hpsearch.export.winner import Winner
from hpsearch.processes.ask import ask
from hpsearch.questions import Convert

PLACES = {
    Form.SAVED_MODEL: "saved_model/1",  # TensorFlow Serving wants a folder for each version
    Form.ONNX: "model.onnx",
}
NEEDS = {Form.ONNX: ["tf2onnx", "onnxruntime"]}  # beside TensorFlow
N_COMPARED = 100  # examples that both must predict alike


def require_packages(forms: Sequence[Form]) -> None:
    """Refuse forms that need packages which are not installed.

    Raises:
        UsageError: A package is missing.
    """
    for form in forms:
        missing = [name for name in NEEDS.get(form, []) if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(
                f"--also {form} needs {' and '.join(missing)}: pip install 'hpsearch[{form}]'"
            )


def write_forms(folder: Path, forms: Sequence[Form], winner: Winner, dataset: Dataset) -> None:
    """Write the winner's network in each form, and compare what it predicts there.

    Args:
        folder: The export.
        forms: Which forms.
        winner: The network.
        dataset: Its data.

    Raises:
        StudyFileError: A form cannot hold the network.
        OSError: The examples to compare with cannot be handed over.
    """
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as data:
        examples = dataset.train if dataset.valid is None else dataset.valid
        write_split(examples[:N_COMPARED], "valid", Path(data))
        question = Convert(
            model=str(winner.model),
            to={form: str(folder / PLACES[form]) for form in forms},
            data=data,
            split="valid",
            code=winner.code,
        )
        # whichever backend trained it: these forms come from TensorFlow
        for _ in ask(question, backend="tensorflow"):
            pass
