"""The training loop: everything that decides a network's figures, in one file.

    order           which example comes when: drawn from (seed, epoch) alone
    make_batches    the examples in that order, a batch at a time
    build_network   the network with its first weights, drawn from the seed
    adapt           layers that learn from the data before training, such as Normalization
    class_weights   how much an example of each class counts
    fit             one epoch after another
    finish          the weights that training ends with: averages, where the optimizer averages
    measure         loss and metrics on other examples

The module needs Keras and NumPy, TensorFlow where that is Keras's backend, and nothing of
hpsearch: an export takes this very file along. Training from start to end is

    model = build_network(build, params, seed, x)
    fit(model, x, y, batch_size=params["batch_size"], epochs=params["epochs"], seed=seed)
    logs = measure(model, x_test, y_test)

Everywhere, `x` holds n examples, in an array of shape (n, ...) or in a SciPy array in CSR
form of shape (n, features), and `y` their labels, in an array of shape (n, ...). With several
inputs or outputs, `x` or `y` is a dict of such arrays by name, or a tuple of them in order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

# One call into the backend runs this many batches: between them nothing needs Python.
BATCHES_PER_CALL = 32
# Examples that are only predicted need no memory for gradients, so batches may be large.
PREDICTED_AT_ONCE = 1000
# Arrays that are mapped from a file and larger than this are read from there, batch by batch.
MAX_BYTES_IN_MEMORY = 2**30

Order = npt.NDArray[np.int64]


# ---- Batches ---------------------------------------------------------------------------


def order(seed: int, epoch: int, n: int) -> Order:
    """The places of n examples in the order in which an epoch trains on them.

    It depends on nothing else. So an epoch sees the same batches whether training got here
    in one go or was stopped and continued, in this process or another.

    Args:
        seed: The training's.
        epoch: Counted from 0.
        n: How many examples there are.
    """
    return np.random.default_rng([seed, epoch]).permutation(n)


class Batches(Protocol):
    """Examples a batch at a time, with what belongs to them, at first in the order they have."""

    def set_order(self, order: Order) -> None:
        """Yield the examples in another order from now on."""

    def for_keras(self) -> Any:
        """What `fit` and `evaluate` take as `x`."""


def make_batches(data: tuple[Any, ...], batch_size: int) -> Batches:
    """Batches for the backend that Keras runs on; the last one may be smaller.

    Args:
        data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`; a batch is the same of some examples.
        batch_size: Examples in a batch.
    """
    if keras.backend.backend() == "tensorflow":
        return TensorFlowBatches(data, batch_size)
    return PortableBatches(data, batch_size)


def count(data: Any) -> int:
    """How many examples there are in arrays that belong together."""
    n: int = keras.tree.flatten(data)[0].shape[0]
    return n


def take(data: Any, places: Any) -> Any:
    """Some examples of each array, by their places or as a slice."""
    return keras.tree.map_structure(lambda array: array[places], data)


class PortableBatches(keras.utils.PyDataset):
    """Batches for any Keras backend; of sparse examples, sparse ones."""

    def __init__(self, data: tuple[Any, ...], batch_size: int) -> None:
        super().__init__()
        self.data, self.batch_size = data, batch_size
        self.order = np.arange(count(data))

    def set_order(self, order: Order) -> None:
        self.order = order

    def for_keras(self) -> PortableBatches:
        return self

    def __len__(self) -> int:
        return math.ceil(count(self.data) / self.batch_size)

    def __getitem__(self, i: int) -> Any:
        return take(self.data, self.order[i * self.batch_size : (i + 1) * self.batch_size])


class TensorFlowBatches:
    """The same batches as a `tf.data.Dataset`, gathered inside TensorFlow.

    A PyDataset costs a call from TensorFlow into Python for every batch; at 50 images a
    batch that is a third of the epoch (measured: 3.3 s against 2.1 s, Fashion-MNIST, one
    thread, 800 units).
    """

    def __init__(self, data: tuple[Any, ...], batch_size: int) -> None:
        import tensorflow as tf

        gatherers = keras.tree.map_structure(rows_of, data)
        self.order = tf.Variable(np.arange(count(data)))

        def batch(i: Any) -> Any:
            examples = self.order[i * batch_size : (i + 1) * batch_size]
            return keras.tree.map_structure(lambda gather: gather(examples), gatherers)

        n_batches = math.ceil(count(data) / batch_size)
        self.dataset = tf.data.Dataset.range(n_batches).map(batch).prefetch(2)

    def set_order(self, order: Order) -> None:
        self.order.assign(order)

    def for_keras(self) -> Any:
        return self.dataset


def rows_of(x: Any) -> Callable[[Any], Any]:
    """A function from the places of some examples to a tensor of these examples."""
    if is_sparse(x):
        return sparse_rows(x)
    if isinstance(x, np.memmap) and x.nbytes > MAX_BYTES_IN_MEMORY:
        return rows_in_file(x)
    return dense_rows(x)


def is_sparse(x: Any) -> bool:
    """Whether examples are in CSR form."""
    return hasattr(x, "indptr")


def dense_rows(x: Any) -> Callable[[Any], Any]:
    """`rows_of` an array, which is held in memory."""
    import tensorflow as tf

    everything = tf.constant(x)
    return lambda examples: tf.gather(everything, examples)


def rows_in_file(x: np.memmap[Any, Any]) -> Callable[[Any], Any]:
    """`rows_of` an array that stays in its file: slower, and as big as a disk."""
    import tensorflow as tf

    def gather(examples: Any) -> Any:
        rows = tf.numpy_function(lambda places: x[places], [examples], x.dtype, stateful=False)
        return tf.ensure_shape(rows, (None, *x.shape[1:]))

    return gather


def sparse_rows(x: Any) -> Callable[[Any], Any]:
    """`rows_of` a CSR array, as a sparse tensor."""
    import tensorflow as tf

    x = x if x.has_sorted_indices else x.sorted_indices()  # as TensorFlow wants them
    row_splits = x.indptr.astype(np.int64)
    values = tf.RaggedTensor.from_row_splits(x.data, row_splits, validate=False)
    columns = tf.RaggedTensor.from_row_splits(x.indices, row_splits, validate=False)
    n_columns = x.shape[1]

    def gather(examples: Any) -> Any:
        found = tf.gather(columns, examples)
        places = tf.stack([found.value_rowids(), tf.cast(found.flat_values, tf.int64)], axis=1)
        shape = [tf.size(examples, out_type=tf.int64), n_columns]
        return tf.SparseTensor(places, tf.gather(values, examples).flat_values, shape)

    return gather


# ---- The network -----------------------------------------------------------------------


def build_network(
    build: Callable[[dict[str, Any]], keras.Model],
    params: Mapping[str, Any],
    seed: int,
    x: Any,
    *,
    jit_compile: bool = False,
) -> keras.Model:
    """Build a network: the same weights for the same seed.

    Args:
        build: The study file's: params but `epochs` -> a compiled model.
        params: Complete.
        seed: Of the first weights and of dropout.
        x: The examples that it will be trained on.
        jit_compile: Whether to compile the training step by XLA.

    Raises:
        CannotAdapt: As `adapt`.
    """
    keras.utils.set_random_seed(seed)
    model = build({name: value for name, value in params.items() if name != "epochs"})
    x = arrange(model, x)[0]
    if not model.built:
        _create_weights(model, x)
    adapt(model, x)
    model.optimizer.build(model.trainable_variables)
    if jit_compile:
        model.jit_compile = True
    return model


def _create_weights(model: keras.Model, x: Any) -> None:
    if isinstance(model, keras.Sequential) or type(model).build is not keras.Model.build:
        model.build(keras.tree.map_structure(lambda array: (None, *array.shape[1:]), x))
    else:  # a class with a `call` of its own, which alone knows what its layers get
        model(keras.tree.map_structure(_symbol, x))


def _symbol(array: Any) -> keras.KerasTensor:
    shape = (None, *array.shape[1:])
    return keras.KerasTensor(shape, array.dtype.name, sparse=is_sparse(array))


def arrange(model: keras.Model, x: Any, y: Any = None, sample_weight: Any = None) -> list[Any]:
    """Arrays by name as Keras wants them: in order, where the network was made of lists.

    Keras itself does so for most of them. Others it takes as they are: the network's class may
    have a `call` of its own.

    Returns:
        As many of x, y and sample weights as there are.
    """

    def arranged(arrays: Any, side: str) -> Any:
        structure = getattr(model, f"_{side}s_struct", None)
        if not isinstance(arrays, dict) or structure is None or isinstance(structure, dict):
            return arrays
        in_order = tuple(arrays[name] for name in names_of(model, side))
        return in_order if len(in_order) > 1 else in_order[0]

    data = [arranged(x, "input"), arranged(y, "output"), arranged(sample_weight, "output")]
    return [one for one in data if one is not None]


def names_of(model: keras.Model, side: str) -> list[str]:
    """What the inputs of a network are called, or its outputs; nothing if Keras cannot tell.

    Args:
        model: The network.
        side: `input` or `output`.
    """
    structure = getattr(model, f"_{side}s_struct", None)
    if isinstance(structure, dict):
        return sorted(structure)  # as Keras orders them
    if side == "output":
        return list(getattr(model, "output_names", ()))
    return [tensor.name for tensor in getattr(model, "inputs", None) or ()]


class CannotAdapt(ValueError):
    """A layer has to adapt to data, and what will reach it is not known before training."""


def adapt(model: keras.Model, x: Any) -> None:
    """Adapt the layers that learn from data before training and that `build` left unadapted.

    These are `Normalization`, `Discretization`, `TextVectorization`, `StringLookup` and
    `IntegerLookup`. Each adapts to what reaches it: the examples, or what layers before it
    make of them where those do not train.

    Args:
        model: Built; a layer of it may be a model itself.
        x: The examples that will be fitted, as `arrange` returns them.

    Raises:
        CannotAdapt: A layer comes after one that trains, is part of a model or layer whose
            graph Keras does not know, or would have to adapt to sparse examples.
    """
    unadapted = [layer for layer in model._flatten_layers() if _is_unadapted(layer)]
    adapted = _adapt_inside(model, x) if unadapted else []
    for layer in unadapted:
        # one may have learned what it began with, another is a part of one that adapted
        if layer not in adapted and _is_unadapted(layer):
            raise CannotAdapt(
                f"{_name(layer)} cannot adapt where it is, only in Sequential and functional models"
            )


def _adapt_inside(model: keras.Model, x: Any) -> list[keras.Layer]:
    """Adapt the layers of a model that `x` enters; returns those that adapted."""
    adapted: list[keras.Layer] = []
    if getattr(model, "inputs", None) is None:  # a class with a `call` of its own
        return adapted
    arrays = keras.tree.flatten(x)  # in the order of the inputs
    for layer in model.layers:  # each after those whose outputs it gets
        unadapted = [inner for inner in layer._flatten_layers() if _is_unadapted(inner)]
        if not unadapted:
            continue
        # `layer.input` of a model is its own Input, not what it gets from the model around it
        reads = keras.tree.flatten(keras.Operation.input.fget(layer))
        reaches_it = [_reaching(tensor, model.inputs, arrays, unadapted[0]) for tensor in reads]
        if isinstance(layer, keras.Model):
            adapted += _adapt_inside(layer, reaches_it)
        elif layer in unadapted:
            layer.adapt(reaches_it[0])
            adapted.append(layer)
    return adapted


def _reaching(tensor: Any, inputs: list[Any], arrays: list[Any], layer: keras.Layer) -> Any:
    """What a tensor of a model's graph is for all examples, which some layer adapts to."""
    before = keras.Model(inputs, tensor)
    for earlier in before.layers:
        if earlier.trainable_variables:
            raise CannotAdapt(f"{_name(layer)} cannot adapt after {_name(earlier)}, which trains")
    given = [array for one, array in zip(inputs, arrays, strict=True) if one is tensor]
    needed = given or arrays
    if any(map(is_sparse, needed)):
        raise CannotAdapt(f"{_name(layer)} cannot adapt to sparse examples")
    return given[0] if given else _outputs(before, needed)


def _outputs(model: keras.Model, arrays: list[Any]) -> npt.NDArray[Any]:
    """What a model makes of all examples, as an array."""
    starts = range(0, count(arrays), PREDICTED_AT_ONCE)
    batches = [model(take(arrays, slice(i, i + PREDICTED_AT_ONCE)), training=False) for i in starts]
    return np.concatenate([keras.ops.convert_to_numpy(batch) for batch in batches])


def _is_unadapted(layer: keras.Layer) -> bool:
    """Whether a layer still has to learn from data what it needs."""
    match layer:
        case keras.layers.Normalization():
            if layer.input_mean is not None:
                return False
            return not layer.built or not (
                np.any(layer.adapt_mean) or np.any(np.asarray(layer.adapt_variance) != 1)
            )
        case keras.layers.Discretization():
            return layer.bin_boundaries is None
        case (
            keras.layers.TextVectorization()
            | keras.layers.StringLookup()
            | keras.layers.IntegerLookup()
        ):
            return not layer.get_vocabulary(include_special_tokens=False)
    return False


def _name(layer: keras.Layer) -> str:
    return f"{type(layer).__name__} layer {layer.name!r}"


# ---- Training --------------------------------------------------------------------------


class CannotWeigh(ValueError):
    """The labels are no classes, or a class of them has no weight."""


def class_weights(weights: Mapping[Any, float] | str, y: Any) -> dict[int, float]:
    """How much an example of each class counts in the loss while training.

    Args:
        weights: A weight for each class, by its label, which JSON makes a text; or
            `balanced`: all classes count the same, however many examples they have.
        y: The labels that will be fitted, of shape (n,) or (n, 1), or one-hot (n, classes).

    Raises:
        CannotWeigh: The labels are no classes, or `weights` lacks one.
    """
    if isinstance(y, dict | tuple):
        raise CannotWeigh("the labels of several outputs have no classes: give examples weights")
    if y.dtype.kind not in "biuf":
        raise CannotWeigh(f"labels are numbers from 0, one for each class, not {y.dtype}")
    labels = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y), -1)
    if labels.size != len(y) or np.any(labels < 0) or np.any(labels != np.round(labels)):
        raise CannotWeigh(f"labels of shape {y.shape} ({y.dtype}) are not one class each")
    classes, counts = np.unique(labels, return_counts=True)
    if weights == "balanced":
        weights = dict(zip(classes, len(y) / (len(classes) * counts), strict=True))
    assert not isinstance(weights, str)
    given = {int(label): float(weight) for label, weight in weights.items()}
    for label in classes:
        if int(label) not in given:
            raise CannotWeigh(f"class {int(label)} of the labels has no weight: give it one")
    return given


class Shuffle(keras.callbacks.Callback):
    """Puts the examples in the order of each epoch before it begins."""

    def __init__(self, batches: Batches, seed: int, n: int) -> None:
        super().__init__()
        self.batches, self.seed, self.n = batches, seed, n

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.batches.set_order(order(self.seed, epoch, self.n))
        if keras.backend.backend() == "torch":
            # whose dropout draws from its own generator, which is in no variable of Keras
            import torch

            torch.manual_seed(int(np.random.default_rng([self.seed, epoch]).integers(2**63)))


class ValidateFinished(keras.callbacks.Callback):
    """Has each validation see the weights that training would end with at this epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.validation = ExitStack()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.validation.enter_context(finished(self.model))

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self.validation.close()


def fit(
    model: keras.Model,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    epochs_done: int = 0,
    validation: tuple[Any, ...] | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
) -> None:
    """Train a model.

    Args:
        model: As `build_network` returned it, or as it was after `epochs_done` epochs.
        x: The examples to fit.
        y: Their labels.
        sample_weight: How much each counts in the loss, of shape (n,); None if all the same.
        batch_size: Examples in a training step.
        epochs: How many epochs it will have been trained for in the end.
        seed: Of the order of examples.
        epochs_done: How many it has been trained for.
        validation: Examples and labels, and weights if any, to measure the model on after each
            epoch.
        class_weight: As `class_weights` takes it; None where all examples count the same.
        callbacks: More of them, Keras's or others.
        verbose: What Keras prints: 0 nothing, 2 a line an epoch.

    Raises:
        CannotWeigh: As `class_weights`, or the examples have weights too.
    """
    n, weights = count(x), None
    if class_weight is not None:
        if sample_weight is not None:
            raise CannotWeigh("the examples have weights already: multiply them there")
        weights = class_weights(class_weight, y)
    if keras.backend.backend() != "torch":  # which runs one batch at a time
        model.steps_per_execution = min(BATCHES_PER_CALL, math.ceil(n / batch_size))
    batches = make_batches(tuple(arrange(model, x, y, sample_weight)), batch_size)
    model.fit(
        batches.for_keras(),
        epochs=epochs,
        initial_epoch=epochs_done,
        validation_data=None if validation is None else _in_order(model, *validation),
        class_weight=weights,
        callbacks=[Shuffle(batches, seed, n), ValidateFinished(), *callbacks],
        shuffle=False,  # Keras must not do it again
        verbose=verbose,
    )


def finish(model: keras.Model) -> None:
    """Give a model the weights that training ends with at this point.

    An optimizer with `use_ema=True` keeps averages of the weights, which replace them when
    training ends. `fit` does so itself; a model whose state was restored needs it.
    """
    model.optimizer.finalize_variable_values(model.trainable_variables)
    for variable in model.trainable_variables:
        # on JAX the variable would share its array with the average, and the next call into
        # the backend gives away the array's memory
        variable.assign(np.array(variable))


@contextmanager
def finished(model: keras.Model) -> Iterator[None]:
    """Within the block, a model has the weights that training would end with at this point."""
    if not _averages(model.optimizer):
        yield
        return
    weights = [np.array(variable) for variable in model.trainable_variables]
    finish(model)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, weights, strict=True):
            variable.assign(value)


def _averages(optimizer: Any) -> bool:
    """Whether an optimizer, or one that it wraps, averages weights."""
    wrapped = [getattr(optimizer, "inner_optimizer", None), *getattr(optimizer, "optimizers", [])]
    return optimizer.use_ema or any(_averages(inner) for inner in wrapped if inner is not None)


def measure(model: keras.Model, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
    """Loss and metrics of a trained model on examples, by name.

    As always in Keras, weights count in the loss, and in a metric only if the model was compiled
    with it among `weighted_metrics`.
    """
    logs = model.evaluate(_in_order(model, x, y, sample_weight), return_dict=True, verbose=0)
    return {name: float(value) for name, value in logs.items()}


def _in_order(model: keras.Model, *data: Any) -> Any:
    return make_batches(tuple(arrange(model, *data)), PREDICTED_AT_ONCE).for_keras()
