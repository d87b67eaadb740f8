"""`hpsearch generate`: text that the evaluated network writes, as it writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hpsearch.errors import DataError, HpsearchError
from hpsearch.export.models import Model, find_model
from hpsearch.processes.ask import ask
from hpsearch.questions import Write
from hpsearch.terminal.printing import plain, say


def generate(
    name: str,
    seed_text: str,
    *,
    n_chars: int,
    temperature: float,
    seed: int,
    storage_url: str,
    data: Path | None,
) -> None:
    """Print how a network goes on writing; the text it starts from goes to standard error.

    Args:
        name: An evaluated study, or an exported folder.
        seed_text: What the text begins with.
        n_chars: How many characters to write.
        temperature: 0 takes the most likely character, 1 draws as the network predicts.
        seed: Of the drawing.
        storage_url: Where the study is.
        data: The user's data folder.

    Raises:
        DataError: The seed text is empty, or has characters that the network never saw.
        HpsearchError: Of any other kind: there is no such network, or it is damaged.
    """
    if not seed_text:
        raise DataError("the seed text is empty: the network goes on from its last characters")
    model = find_model(name, storage_url, data, verb="generate")
    _require_known(model, seed_text)
    say("loading the network")
    question = Write(
        model=str(model.path),
        window=model.encode(seed_text.encode(errors="surrogateescape"), "the seed text").x.tolist(),
        vocabulary=list(model.vocabulary),
        n_chars=n_chars,
        temperature=temperature,
        seed=seed,
    )
    with closing(ask(question)) as characters:
        _print_as_they_come(seed_text, characters)


def _print_as_they_come(seed_text: str, characters: Iterator[str]) -> None:
    has_begun = False
    try:
        for character in characters:
            if not has_begun:
                print(plain(seed_text), end="", file=sys.stderr, flush=True)
            has_begun = True
            print(plain(character), end="", flush=True)
    except HpsearchError:
        if has_begun:
            print(file=sys.stderr)  # the message deserves a line of its own
        raise
    print()


def _require_known(model: Model, seed_text: str) -> None:
    """The seed text has characters of the vocabulary only, once it is encoded as the task does.

    Raises:
        DataError: It has others.
    """
    unknown = [one for one in dict.fromkeys(seed_text) if _is_unknown(model, one)]
    if unknown:
        names = ", ".join(repr(one) for one in unknown)
        raise DataError(
            f"the seed text has characters that the network never saw: {names}; "
            f"it knows {plain(''.join(model.vocabulary))!r}"
        )


def _is_unknown(model: Model, character: str) -> bool:
    """Whether the vocabulary lacks it, or the task's encoder leaves it out."""
    encoded = model.encode(character.encode(errors="surrogateescape"), "the seed text")
    return bool(encoded.n_unknown) or (encoded.n_words == 0 and not character.isspace())
