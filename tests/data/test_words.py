"""Words as numbers: Keras's rule for film reviews, to the letter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hpsearch.data import encode_bag, encode_texts, encode_words, fit_vocabulary
from hpsearch.data.texts import Texts
from hpsearch.data.words import SPECIAL, decode_words, split_words

VOCABULARY = (*SPECIAL, "the", "film", "good")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("The FILM", ["the", "film"], id="A to Z become small"),
        pytest.param("Åge ÄRGER", ["Åge", "Ärger"], id="other capitals stay"),
        pytest.param("don't", ["don't"], id="the apostrophe stays"),
        pytest.param("good!(bad)\tso-so\nbr<br/>", ["good", "bad", "so", "so", "br", "br"], id="!"),
        pytest.param("most\x85and a\rb\xa0c", ["most\x85and", "a\rb\xa0c"], id="other white space"),
        pytest.param("  a   b  ", ["a", "b"], id="many spaces"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_text_is_split_as_keras_split_its_reviews(text: str, words: list[str]):
    assert split_words(text.encode()) == [word.encode() for word in words]


def test_a_text_is_padded_at_the_front_and_its_unknown_words_are_counted():
    encoded = encode_words(b"A good film, the best", VOCABULARY, 8)

    assert encoded.x.tolist() == [0, 0, 1, 2, 6, 5, 4, 2]
    assert (encoded.n_words, encoded.n_unknown) == (5, 2)


def test_of_a_long_text_the_last_words_count():
    assert encode_words(b"the the the film", VOCABULARY, 2).x.tolist() == [4, 5]


def test_a_bag_has_a_one_for_each_word_that_is_in_it():
    encoded = encode_bag(b"the film of the films", VOCABULARY)

    assert encoded.x.tolist() == [0, 1, 1, 0, 1, 1, 0]
    assert (encoded.n_words, encoded.n_unknown) == (5, 2)


def test_numbers_become_words_again():
    x = encode_words(b"The good, good film", VOCABULARY, 9).x

    assert decode_words(x, VOCABULARY) == "[start] the good good film"


def test_a_vocabulary_has_the_most_frequent_words_first():
    texts = [b"a film a film a b", b"film c b film"]

    assert fit_vocabulary(texts, 7) == (*SPECIAL, "film", "a", "b")


@pytest.fixture
def texts() -> Texts:
    return encode_texts([b"the film", b"good good the odd film"], np.array([0, 1]), VOCABULARY)


def test_texts_are_kept_one_after_the_other(texts: Texts):
    assert [texts[i].tolist() for i in range(len(texts))] == [[1, 4, 5], [1, 6, 6, 4, 2, 5]]


def test_texts_are_cut_and_padded_at_the_front(texts: Texts):
    split = texts.last_words(4, 6)  # which leaves "good" out

    assert split.x.tolist() == [[0, 1, 4, 5], [2, 4, 2, 5]]
    assert split.x.dtype == np.uint8
    assert split.y.tolist() == [0, 1]


def test_texts_as_bags_are_sparse(texts: Texts):
    split = texts.bags_of_words(6)

    assert split.x.format == "csr"
    assert split.x.toarray().tolist() == [[0, 1, 0, 0, 1, 1], [0, 1, 1, 0, 1, 1]]


def test_an_example_from_outside_is_encoded_as_the_data_are(texts: Texts):
    assert texts.last_words(8, 7).x[1].tolist() == (
        encode_words(b"good good the odd film", VOCABULARY, 8).x.tolist()
    )
    assert texts.bags_of_words(7).x.toarray()[1].tolist() == (
        encode_bag(b"good good the odd film", VOCABULARY).x.tolist()
    )


def test_what_editors_add_belongs_to_no_word():
    plain = encode_words(b"good film\nthe", VOCABULARY, 4).x

    assert encode_words(b"\xef\xbb\xbfgood film\r\nthe", VOCABULARY, 4).x.tolist() == plain.tolist()


def test_a_vocabulary_has_room_for_words():
    with pytest.raises(ValueError, match="n_words must be more than 4, not 3"):
        fit_vocabulary([b"good film"], 3)


@pytest.mark.parametrize("encode", [encode_bag, lambda text, words: encode_words(text, words, 8)])
def test_bytes_that_are_no_text_are_refused(encode: Callable[..., object]):
    with pytest.raises(UnicodeDecodeError):
        encode("Ein schöner film".encode("latin1"), VOCABULARY)
