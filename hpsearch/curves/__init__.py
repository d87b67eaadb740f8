"""Learning curves on disk: one folder each, and the store that names, locks and evicts them."""
