"""What runs in the process that a trained network is used in.

One question comes by standard input, answers leave by standard output. A model file is
data from outside: it is loaded here, apart from whoever asks, and without the right to
bring code along. The only code is the study file's, which whoever asks has checked.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, get_args

import keras
import numpy as np

from hpsearch.choices import Form
from hpsearch.codec import decode, encode
from hpsearch.data.arrays import Prepared
from hpsearch.data.folds import train_and_valid
from hpsearch.data.structure import named, of_named
from hpsearch.errors import HpsearchError, StudyFileError
from hpsearch.hyperparameters import HyperParameters
from hpsearch.questions import (
    Answer,
    Convert,
    Ended,
    Inspect,
    MeasureGradients,
    OwnCode,
    Predict,
    PredictSplit,
    Question,
    Write,
)
from hpsearch.study_file import describe, run_study_file
from hpsearch.task import without_epochs
from hpsearch.training.converting import convert
from hpsearch.training.fit import build, fit
from hpsearch.training.loop import PREDICTED_AT_ONCE, arrange, make_batches, names_of
from hpsearch.training.step_gradients import step_gradients
from hpsearch.training.writing import write


def main() -> None:
    """Answer one question."""
    # what Keras and its backend print is no answer
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    question: Question = decode(sys.stdin.read(), *get_args(Question))
    try:
        for content in answer(question):
            _send(answers, Answer(content=content))
    except BrokenPipeError:  # nobody is listening
        os._exit(1)
    except HpsearchError as error:
        _send(answers, Ended(error=str(error)))
    except Exception as error:
        _send(answers, Ended(error=describe(error)))
    else:
        _send(answers, Ended())


def answer(question: Question) -> Iterator[Any]:
    """What the questions say that they get."""
    if isinstance(question, MeasureGradients):
        yield _gradients(question)
        return
    if isinstance(question, Inspect):
        yield _inspect()
        return
    if question.code is not None:
        _register(question.code)
    model = _load(question.model)
    match question:
        case Predict():
            arrays = {name: np.array(x, question.dtype[name]) for name, x in question.x.items()}
            yield from _predict(model, of_named(arrays))
        case PredictSplit():
            examples = Prepared(Path(question.data), "").split(question.split)
            yield from _predict(model, examples.x)
        case Convert():
            examples = Prepared(Path(question.data), "").split(question.split)
            for form, path in question.to.items():
                convert(model, arrange(model, examples.x)[0], Form(form), path)
        case Write():
            yield from write(
                model,
                np.array(question.window),
                question.vocabulary,
                n_chars=question.n_chars,
                temperature=question.temperature,
                seed=question.seed,
            )


def _register(code: OwnCode) -> None:
    """Have the study file register its classes and functions, some of them inside `build`."""
    task = run_study_file(code.study_file, code.study_file_name).task
    task.build(HyperParameters(without_epochs(code.params)))


def _load(path: str) -> keras.Model:
    """Load a model as Keras saves it: nothing in it may run, or be larger than its file.

    Raises:
        StudyFileError: It is compressed, and could fill memory or disk.
        Exception: Whatever Keras raises on a damaged or hostile file.
    """
    with zipfile.ZipFile(path) as archive:
        compressed = [
            m.filename for m in archive.infolist() if m.compress_type != zipfile.ZIP_STORED
        ]
    if compressed:
        raise StudyFileError(f"its file is compressed ({compressed[0]!r}), which Keras's are not")
    # not compiled: to predict takes neither loss nor metrics, which may be a study's own
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def _gradients(question: MeasureGradients) -> list[float]:
    """The norm of the gradient at each time step, after training."""
    task = run_study_file(question.study_file, question.study_file_name).task
    data = Prepared(Path(question.data), "").open()
    train, valid = train_and_valid(data, task.fold_numbers[0], task.folds)
    model = build(task, question.params, question.seed, train)
    if question.epochs > 0:
        fit(
            task,
            model,
            train,
            None if task.callbacks is None else valid,  # which they may watch
            params=question.params,
            epochs=question.epochs,
            epochs_done=0,
            seed=question.seed,
            after_epoch=lambda epoch, logs: True,
        )
    examples = valid[: question.n_examples]
    return step_gradients(model, examples.x, examples.y)


def _inspect() -> dict[str, Any]:
    backend = keras.backend.backend()
    if backend == "torch":  # for which Keras does not list them
        import torch

        devices = [f"cuda:{i}" for i in range(torch.cuda.device_count())] or ["cpu:0"]
    else:
        devices = keras.distribution.list_devices()
    return {
        "keras": keras.__version__,
        "backend": backend,
        "version": importlib.metadata.version(backend),
        "devices": devices,
    }


def _predict(model: keras.Model, x: Any) -> Iterator[dict[str, Any]]:
    """What the question `Predict` says that it gets."""
    _require_shape(model, x)
    # in batches of our own: Keras takes no strings in NumPy arrays
    batches = make_batches(tuple(arrange(model, x)), PREDICTED_AT_ONCE)
    outputs = _by_output(model, model.predict(batches.for_keras(), verbose=0))
    yield _activations(model, list(outputs))
    for of_example in zip(*(array.tolist() for array in outputs.values()), strict=True):
        yield dict(zip(outputs, of_example, strict=True))


def _by_output(model: keras.Model, predicted: Any) -> dict[str, Any]:
    """What a network predicts, by the names of its outputs; a single one has an empty name."""
    match predicted:
        case dict():
            return predicted
        case list() | tuple():
            names = names_of(model, "output") or [str(place) for place in range(len(predicted))]
            return dict(zip(names, predicted, strict=True))
    return {"": predicted}


def _activations(model: keras.Model, outputs: list[str]) -> dict[str, str]:
    layers = {"": model.layers[-1]}
    if outputs != [""]:
        tensors = zip(names_of(model, "output"), getattr(model, "outputs", ()), strict=False)
        layers = {name: tensor._keras_history.operation for name, tensor in tensors}
    found = {name: getattr(layers.get(name), "activation", None) for name in outputs}
    return {name: getattr(activation, "__name__", "") for name, activation in found.items()}


def _require_shape(model: keras.Model, x: Any) -> None:
    """Keras would say it on many lines, the first of which tells nothing.

    Raises:
        StudyFileError: The network takes examples of another shape, or other inputs.
    """
    names, tensors = names_of(model, "input"), getattr(model, "inputs", None)
    if not names or not tensors:  # a class with a `call` of its own
        return
    given = named(x)
    if len(given) != len(names) or (isinstance(x, dict) and set(given) != set(names)):
        raise StudyFileError(
            f"it takes the inputs {', '.join(map(repr, names))}, and encode() made "
            f"{', '.join(map(repr, given)) if isinstance(x, dict) else 'others'}"
        )
    arrays = given.values() if not isinstance(x, dict) else (given[name] for name in names)
    for name, tensor, array in zip(names, tensors, arrays, strict=True):
        takes, shape = tuple(tensor.shape[1:]), array.shape[1:]
        fits = [n in (None, m) for n, m in zip(takes, shape, strict=False)]
        if len(takes) != len(shape) or not all(fits):
            whose = f" for {name!r}" if len(names) > 1 else ""
            raise StudyFileError(
                f"it takes examples of shape {takes}{whose}, and encode() made one of shape {shape}"
            )


def _send(answers: TextIO, line: Answer | Ended) -> None:
    print(encode(line), file=answers, flush=True)
