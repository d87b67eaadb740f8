"""Durations as people say them."""


def describe_seconds(seconds: float) -> str:
    """`1h 04m`, `12m 30s` or `8s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 60}m {whole % 60:02d}s" if whole >= 60 else f"{whole}s"
