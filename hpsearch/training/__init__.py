"""The trial process: Keras, and neither Optuna nor storage."""
