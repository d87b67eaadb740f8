"""What the forkserver imports: the trial process, and with it Keras.

Importing Keras takes seconds, forking a process that has it takes milliseconds. No
operation of the backend may run here: its threads would not survive the fork.
"""

import os
import sys

_stderr = os.dup(2)
_null = os.open(os.devnull, os.O_WRONLY)
os.dup2(_null, 2)  # the backend's greetings, once per server, help nobody
try:
    import hpsearch.training.process  # noqa: F401
finally:
    sys.stderr.flush()
    os.dup2(_stderr, 2)
    os.close(_stderr)
    os.close(_null)
