"""The exported folder, written and read."""
