"""Data sets: found, downloaded, verified, kept as memory-mapped arrays. NumPy only."""

from hpsearch.data.arrays import Dataset, Split, open_arrays
from hpsearch.data.characters import encode_characters, encode_window, one_line, windows
from hpsearch.data.idx import read_idx
from hpsearch.data.images import decode_png
from hpsearch.data.imdb.reviews import IMDB, open_reviews
from hpsearch.data.inputs import Encoded
from hpsearch.data.keras_data import (
    FASHION_MNIST,
    MNIST,
    load_fashion_mnist,
    load_imdb,
    load_mnist,
    pad_sequences,
    to_categorical,
)
from hpsearch.data.labelled_texts import read_text_folder, read_text_table, read_texts
from hpsearch.data.sources import File, Source
from hpsearch.data.splits import hold_out
from hpsearch.data.tables import read_table
from hpsearch.data.texts import encode_texts
from hpsearch.data.words import encode_bag, encode_words, fit_vocabulary

__all__ = [
    "Dataset",
    "Encoded",
    "FASHION_MNIST",
    "File",
    "IMDB",
    "MNIST",
    "Source",
    "Split",
    "decode_png",
    "encode_bag",
    "encode_characters",
    "encode_texts",
    "encode_window",
    "encode_words",
    "fit_vocabulary",
    "hold_out",
    "load_fashion_mnist",
    "load_imdb",
    "load_mnist",
    "one_line",
    "open_arrays",
    "open_reviews",
    "pad_sequences",
    "read_idx",
    "read_table",
    "read_text_folder",
    "read_text_table",
    "read_texts",
    "to_categorical",
    "windows",
]
