"""optuna-dashboard, guarded: its page for people on this machine, and nobody else."""
