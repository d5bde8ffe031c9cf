"""Incremental training: each run learns from the new files alone, on top of the model that was approved last."""
