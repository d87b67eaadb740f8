"""Programs elsewhere that a search tells what happens: TensorBoard and MLflow."""
