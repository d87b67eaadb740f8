"""Find data, fetch them, verify them, keep them as memory-mapped arrays. NumPy only."""

from hpsearch.data.arrays import Dataset, Split
from hpsearch.data.idx import read_idx
from hpsearch.data.sources import File, Source
from hpsearch.data.splits import hold_out

__all__ = ["Dataset", "File", "Source", "Split", "hold_out", "read_idx"]
