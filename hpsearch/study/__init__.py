"""What is stored of a study, and how it is read."""
