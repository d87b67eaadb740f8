"""`hpsearch generate`: text from the evaluated network, printed as it is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.export.inputs import encode_seed_text
from hpsearch.export.models import find_model
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
    """Print how a network continues a text; the text itself goes to standard error.

    Args:
        name: An evaluated study, or an exported folder.
        seed_text: The text to continue.
        n_chars: How many characters to write.
        temperature: 0 takes the most likely character, 1 draws as the network predicts.
        seed: Of the drawing.
        storage_url: Where the study is.
        data: The user's data folder.

    Raises:
        DataError: The seed text is empty, or has characters that the network never saw.
        HpsearchError: Of any other kind: there is no such network, or it is damaged.
    """
    model = find_model(name, storage_url, data, verb="generate")
    window = encode_seed_text(model, seed_text).x
    assert not isinstance(window, dict | tuple)  # no task with `writing` has several inputs
    say("loading the network")
    question = Write(
        model=str(model.path),
        window=window.tolist(),
        vocabulary=list(model.vocabulary),
        n_chars=n_chars,
        temperature=temperature,
        seed=seed,
        code=model.code,
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
            print(file=sys.stderr)  # the message starts on a line of its own
        raise
    print()
