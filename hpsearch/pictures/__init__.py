"""Pictures of studies: the only place that knows matplotlib.

Each picture is a function from plain data to a `Figure`, without files and without the
command line. `kinds` names them and imports nothing heavy; `gallery` draws any of them from a
stored study; `drawing` holds what all share, and writes a figure to a file.
"""
