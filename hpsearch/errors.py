"""Everything hpsearch raises on purpose.

    HpsearchError
    ├── UsageError          2  a value on the command line cannot be used
    ├── StudyFileError      2  the study file cannot be used as it stands
    │   ├── SpaceError      2  params do not fit the search space
    │   └── MetricNotFound  2  Keras did not log the metric the task asks for
    ├── StudyNotFound       2  the storage holds no study of that name
    ├── NothingFinished     3  there is no usable trial to work with
    ├── StorageError        4  the storage cannot be reached, or is not one
    ├── LauncherNotFound    4  no launcher answers an agent
    ├── DataError           5  the data or the disk cannot be used
    │   ├── DataNotFound    5  a data set was not found
    │   └── DataCorrupt     5  a file of a data set is damaged
    └── Conflict            6  conflicts with what is stored or running
        ├── StudyBusy       6  another launcher is running this study
        └── StudyChanged    6  the study file does not match the stored study

The number is the exit code of the command. A message says what happened, what was
expected, and what to do next; it is one line unless it shows a diff.
"""


class HpsearchError(Exception):
    """An error that the user can act on."""

    exit_code = 2

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it: as on the command line, the message says it all."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(HpsearchError):
    """A value on the command line cannot be used."""


class StudyFileError(HpsearchError):
    """The study file cannot be used as it stands."""


class SpaceError(StudyFileError):
    """A dict of params does not fit the search space."""


class MetricNotFound(StudyFileError):
    """Keras did not log the metric that the task asks for."""


class StudyNotFound(HpsearchError):
    """The storage holds no study of that name."""


class NothingFinished(HpsearchError):
    """The study has no finished trial to work with."""

    exit_code = 3


class StorageError(HpsearchError):
    """The storage cannot be reached, or is not one."""

    exit_code = 4


class LauncherNotFound(HpsearchError):
    """No launcher answers an agent, or it cannot be heard any more."""

    exit_code = 4


class DataError(HpsearchError):
    """The data cannot be used, or the disk cannot store them."""

    exit_code = 5


class DataNotFound(DataError):
    """A data set was not found."""


class DataCorrupt(DataError):
    """A file of a data set is damaged."""


class Conflict(HpsearchError):
    """Continuing would conflict with what is stored or running."""

    exit_code = 6


class StudyBusy(Conflict):
    """Another launcher is running this study."""


class StudyChanged(Conflict):
    """The study file does not match the stored study."""
