"""The search: slots, and what they do next."""
