"""Fresh seeds, intervals, and the one opening of the test split."""
