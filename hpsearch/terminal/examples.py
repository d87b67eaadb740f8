"""An example as people read it: a text as words, an image in shades, a row as numbers."""

from __future__ import annotations

import textwrap

import numpy as np

from hpsearch.study.examples import Example
from hpsearch.terminal.printing import show_cell

SHADES = " .:-=+*#%@"  # from nothing to full
WIDTH = 88


def draw_example(example: Example) -> str:
    """An example, drawn or written out."""
    x = example.x
    if example.text is not None:
        if len(example.text) == len(x):  # characters, and a space is one of them
            return repr(example.text)
        return textwrap.fill(example.text, WIDTH)
    if x.ndim == 3 and x.shape[-1] in (1, 3, 4):  # colours
        x = x.mean(axis=-1)
    if x.ndim != 2:
        return textwrap.fill(" ".join(show_cell(value) for value in x.ravel().tolist()), WIDTH)
    # two characters for each pixel, as a character is twice as high as wide
    shades = np.clip(x / max(float(x.max()), 1e-9), 0, 1) * (len(SHADES) - 1)
    return "\n".join("".join(2 * SHADES[i] for i in row) for row in shades.round().astype(int))
