"""An agent of toy trials, without Keras: it starts in a moment.

python -m tests.agents.quick JOIN_FILE NAME SLOTS WAIT_S
"""

from __future__ import annotations

import sys
from pathlib import Path

from hpsearch.agents.agent import Agent
from hpsearch.agents.join import Join, read_join
from hpsearch.errors import HpsearchError
from tests.toy_runner import ToyRunner


def main() -> None:
    """Work for a launcher until it ends."""
    path, name, slots, wait_s = sys.argv[1:]
    agent = Agent(int(slots), ToyRunner(), None, say, node=name, may_share=False)

    def find() -> Join | None:
        return read_join(Path(path).read_bytes(), path)

    try:
        agent.dial(find, float(wait_s))
    except HpsearchError as error:
        say(str(error))
        sys.exit(error.exit_code)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
