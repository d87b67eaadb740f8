"""95 % intervals: of a mean over seeds, of a share of examples, of differences.

With several seeds, the spread over seeds shows how far to trust a mean; with one seed, or
equal figures, only the number of examples does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, variance

LEVEL = 0.95
TWO_SIDED = (1 + LEVEL) / 2


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % interval and its method."""

    low: float
    high: float
    method: str
    """In words."""

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high


def interval(
    values: Sequence[float],
    n_examples: int | None,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Interval | None:
    """The interval of the expected figure over seeds.

    Args:
        values: A figure per seed.
        n_examples: If the figure is a share, of how many examples; else None.
        limits: The values that the figure can take, if it is no share.

    Returns:
        Student's t over seeds if they differ; else Wilson's over examples if the figure is
        a share; else None. It is clipped to the limits, a share's to 0..1.
    """
    if _vary(values):
        found = student(values)
        return _cut(found, *(limits if n_examples is None else (0.0, 1.0)))
    if n_examples is not None:
        return wilson(fmean(values), n_examples)
    return None


def difference(
    values: Sequence[float], others: Sequence[float], n_examples: int | None
) -> Interval | None:
    """The interval of mean(values) - mean(others).

    Args:
        values: A figure per seed.
        others: The other network's.
        n_examples: If the figures are shares, of how many examples; else None.

    Returns:
        Welch's over seeds if they differ; else Newcombe's over examples if the figures are
        shares; else None. For shares, the interval is clipped to -1..1.
    """
    if min(len(values), len(others)) > 1 and (_vary(values) or _vary(others)):
        found = welch(values, others)
        return found if n_examples is None else _cut(found, -1.0, 1.0)
    if n_examples is not None:
        return newcombe(fmean(values), fmean(others), n_examples)
    return None


def student(values: Sequence[float]) -> Interval:
    """Student's t interval of a mean of two or more values."""
    n = len(values)
    half = _t(n - 1) * math.sqrt(variance(values) / n)
    mean = fmean(values)
    return Interval(low=mean - half, high=mean + half, method=f"Student's t over {n} seeds")


def welch(values: Sequence[float], others: Sequence[float]) -> Interval:
    """Welch's t interval of a difference of means.

    Two networks with the same seed share little more than the order of examples, so pairing
    by seed would waste half of the few degrees of freedom.

    Source:
        Welch, Biometrika 34, 1947, https://doi.org/10.2307/2332510; advised for seeds by
        Colas, Sigaud and Oudeyer, 2018, https://arxiv.org/abs/1806.08295
    """
    found = contrast([(1, values), (-1, others)])
    assert found is not None  # at least one of them varies
    return found


def contrast(groups: Sequence[tuple[float, Sequence[float]]]) -> Interval | None:
    """Welch's t interval of a weighted sum of means, such as what two changes did together.

    Args:
        groups: A weight and a figure per seed, of each network.

    Returns:
        None if a network has one seed only, or none of them varies.

    Source:
        Satterthwaite, Biometrics Bulletin 2, 1946, https://doi.org/10.2307/3002019
    """
    if min(len(values) for _weight, values in groups) < 2:
        return None
    parts = [(weight**2 * variance(values) / len(values), values) for weight, values in groups]
    of_sum = sum(part for part, _values in parts)
    if of_sum == 0:
        return None
    freedom = of_sum**2 / sum(part**2 / (len(values) - 1) for part, values in parts)
    half = _t(freedom) * math.sqrt(of_sum)
    mean = sum(weight * fmean(values) for weight, values in groups)
    return Interval(low=mean - half, high=mean + half, method="Welch's t over seeds")


def prediction(values: Sequence[float]) -> Interval | None:
    """Where one more training's figure would lie.

    Returns:
        None with fewer than two seeds, or if they do not differ.
    """
    if len(values) < 2 or not _vary(values):
        return None
    n, mean = len(values), fmean(values)
    half = _t(n - 1) * math.sqrt(variance(values) * (1 + 1 / n))
    return Interval(low=mean - half, high=mean + half, method=f"Student's t over {n} seeds")


def wilson(share: float, n: int) -> Interval:
    """Wilson's score interval of a share of `n` examples.

    Source:
        Wilson, Journal of the American Statistical Association 22, 1927,
        https://doi.org/10.2307/2276774
    """
    z = NormalDist().inv_cdf(TWO_SIDED)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(low=centre - half, high=centre + half, method=f"Wilson over {n} examples")


def newcombe(share: float, other: float, n: int) -> Interval:
    """Newcombe's interval of a difference of two shares, from Wilson's of each.

    It assumes different examples for each share. On the same examples shares correlate,
    so it is wider than necessary, never narrower.

    Source:
        Newcombe, Statistics in Medicine 17, 1998, method 10,
        https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    """
    one, two = wilson(share, n), wilson(other, n)
    low = share - other - math.hypot(share - one.low, two.high - other)
    high = share - other + math.hypot(one.high - share, other - two.low)
    return Interval(low=low, high=high, method=f"Newcombe over {n} examples")


def _cut(found: Interval, low: float, high: float) -> Interval:
    """Clip an interval to the possible range."""
    return replace(found, low=max(low, found.low), high=min(high, found.high))


def _vary(values: Sequence[float]) -> bool:
    return len(set(values)) > 1


def _t(freedom: float) -> float:
    """The two-sided critical value of Student's t."""
    from scipy.special import stdtrit  # importing scipy.stats would take most of a second

    return float(stdtrit(freedom, TWO_SIDED))
