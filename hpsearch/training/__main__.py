"""The process that a trained network is used in: `python -P -m hpsearch.training`."""

from __future__ import annotations

import gc

from hpsearch.quiet_imports import keras_alone

gc.disable()  # hardly anything that is imported is garbage
with keras_alone():
    from hpsearch.training.use import main
gc.freeze()
gc.enable()

main()
