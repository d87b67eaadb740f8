"""Whether this runs in a notebook; nobody else pays for importing IPython."""

from __future__ import annotations

import sys
from typing import Any


def kernel_shell() -> Any:
    """IPython's shell if it belongs to the kernel of a notebook; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    # IPython in a terminal has a shell, too, and shows text only
    return shell if getattr(shell, "kernel", None) is not None else None
