"""From arrays and functions to a search: `hpsearch.tune`."""
