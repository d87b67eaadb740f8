"""The lab bench: vary one factor at a time, tabulate, combine, report."""
