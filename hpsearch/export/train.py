"""Train the network in this folder again and measure it on the test examples.

    pip install -r requirements.txt
    python train.py

The script prints the figure it gets and the one that was recorded when the network was
first trained. On the same kind of machine the two agree to the last digit; on another one,
sums may be rounded differently. If they differ by more than 0.005 (0.5 % for figures above
1), the exit code is 1.

    network.py          builds the network
    hyperparameters.py  what a build(hp) written for KerasTuner asks for its values
    loop.py             trains it and measures it
    params.json         the hyperparameters
    training.json       what else decides the figure: seed, backend, number of threads
    data.npz            the examples
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
TOLERANCE = 0.005


def main() -> int:
    """Train, measure, compare; return the exit code."""
    settings = read_json("training.json")
    set_environment(settings)
    found = train_and_measure(settings, read_json("params.json"))
    recorded = settings["recorded"]
    print(f"test {settings['test_metric']}: {found!r}")
    print(f"recorded: {recorded!r}")
    if not agree(found, recorded):
        print(f"Error: the figures differ by {abs(found - recorded):.4f}", file=sys.stderr)
        return 1
    return 0


def read_json(name: str) -> dict[str, Any]:
    """Read a JSON file of this folder."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def set_environment(settings: Mapping[str, Any]) -> None:
    """Choose backend and threads; the backend reads the environment when it is imported."""
    os.environ["KERAS_BACKEND"] = settings["backend"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's errors only
    # with another number of threads, sums are taken in another order
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(settings["n_threads"])
    os.environ["OMP_NUM_THREADS"] = str(settings["n_threads"])
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"


def train_and_measure(settings: Mapping[str, Any], params: Mapping[str, Any]) -> float:
    """Train the network and return its metric on the test examples."""
    # imported only now: all of them import Keras, or are Keras
    import keras
    import loop
    import network
    from hyperparameters import HyperParameters

    # whatever the configuration file of Keras on this machine says
    keras.config.set_floatx(settings["keras"]["floatx"])
    keras.config.set_epsilon(settings["keras"]["epsilon"])
    keras.config.set_image_data_format(settings["keras"]["image_data_format"])
    seed = settings["seed"]

    def build(params: Mapping[str, Any]) -> Any:
        return getattr(network, settings["build"])(HyperParameters(params))

    examples = read_examples("train")
    callbacks = settings["callbacks"]
    model = loop.build_network(
        build, params, seed, examples[0], jit_compile=settings["jit_compile"]
    )
    loop.fit(
        model,
        *examples,
        batch_size=params["batch_size"],
        epochs=params["epochs"],
        seed=seed,
        # callbacks may watch validation
        validation=None if callbacks is None else read_examples("valid"),
        class_weight=settings["class_weight"],
        callbacks=[] if callbacks is None else getattr(network, callbacks)(without_epochs(params)),
        verbose=2,  # a line for each epoch
    )
    logs = loop.measure(model, *read_examples("test"))
    if settings["also_log"] is not None:
        logs.update(getattr(network, settings["also_log"])(dict(logs)))
    return float(logs[settings["test_metric"]])


def without_epochs(params: Mapping[str, Any]) -> dict[str, Any]:
    """What the network is made of; `epochs` only says how long it trains."""
    return {name: value for name, value in params.items() if name != "epochs"}


def read_examples(part: str) -> list[Any]:
    """Read the examples of a part, `train` or `test`: x, y, and their weights if they have any.

    Each is an array, `x_train`; or, of several inputs or outputs, a dict of arrays by name,
    `x_train.image`, or a tuple in order, `x_train.0`. There is a part `valid` where the
    network's callbacks may watch it.
    """
    found: list[Any] = []
    # data.npz holds plain arrays: without pickles, it cannot hide code
    with np.load(FOLDER / "data.npz", allow_pickle=False) as data:
        for field in ("x", "y", "sample_weight"):
            arrays = {}
            for key in data:
                head, _, name = key.partition(".")
                if head == f"{field}_{part}":
                    arrays[name] = data[key]
                elif head == f"{field}_{part}_data":
                    arrays[name] = read_sparse(data, key)
            if not arrays:  # there are no weights
                continue
            if "" in arrays:
                found.append(arrays[""])
            elif all(name.isdecimal() for name in arrays):
                found.append(tuple(arrays[str(i)] for i in range(len(arrays))))
            else:
                found.append(arrays)
    return found


def read_sparse(data: Mapping[str, Any], key: str) -> Any:
    """Read an array in CSR form from its parts, the first of which has this key."""
    from scipy.sparse import csr_array

    parts = ("data", "indices", "indptr", "shape")
    values, columns, rows, shape = (data[key.replace("_data", f"_{part}", 1)] for part in parts)
    return csr_array((values, columns, rows), shape=tuple(shape))


def agree(found: float, recorded: float) -> bool:
    """Whether two figures are close enough; NaN is close to nothing."""
    return abs(found - recorded) <= TOLERANCE * max(1.0, abs(recorded))


if __name__ == "__main__":
    sys.exit(main())
