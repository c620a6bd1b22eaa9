"""The loop around a method: steps, checkpoints, logs, progress, stopping and resuming."""
