"""Trials on other machines: agents on nodes, and the launcher's side of them."""
