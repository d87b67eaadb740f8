"""From a plain Keras script to a study file: read by its syntax tree, never run."""
