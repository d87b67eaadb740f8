"""hpsearch from Python: in a notebook, in IPython or in a script."""
