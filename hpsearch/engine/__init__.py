"""The launcher: storage, slots, budget, curves, pruning. No Keras."""
