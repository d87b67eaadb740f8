"""An LSTM in NumPy, forward and backward through time: what its equations say, and no more.

Hochreiter and Schmidhuber, 1997, with the forget gate of Gers, Schmidhuber and Cummins, 2000.
Letters: n examples, T steps, d features, u units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gradients:
    """Of a loss, with respect to what an LSTM read and to its weights."""

    x: np.ndarray  # (n, T, d)
    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Lstm:
    """The weights of an LSTM, as Keras has them: gates in the order i, f, g, o."""

    kernel: np.ndarray  # (d, 4u)
    recurrent_kernel: np.ndarray  # (u, 4u)
    bias: np.ndarray  # (4u,)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
        """The output after the last step, (n, u), and what `backward` needs of each step.

        Args:
            x: (n, T, d).
        """
        h = c = np.zeros((len(x), len(self.recurrent_kernel)))
        steps = []
        for t in range(x.shape[1]):
            z = x[:, t] @ self.kernel + h @ self.recurrent_kernel + self.bias  # (n, 4u)
            i, f, g, o = np.split(z, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)  # let in, keep, new, show
            steps.append((x[:, t], h, c, i, f, g, o))
            c = f * c + i * g
            h = o * np.tanh(c)
        return h, steps

    def backward(self, steps: list[tuple[np.ndarray, ...]], dh: np.ndarray) -> Gradients:
        """Back through time.

        Args:
            steps: What `forward` returned.
            dh: The gradient with respect to the output after the last step, (n, u).
        """
        dx = []
        dkernel, drecurrent = np.zeros_like(self.kernel), np.zeros_like(self.recurrent_kernel)
        dbias, dc = np.zeros_like(self.bias), np.zeros_like(dh)
        for x, h, c, i, f, g, o in reversed(steps):
            tanh_c = np.tanh(f * c + i * g)
            dc = dc + dh * o * (1 - tanh_c**2)  # of the cell after this step
            di, df, dg, do = dc * g, dc * c, dc * i, dh * tanh_c
            dz = np.hstack([
                di * i * (1 - i),
                df * f * (1 - f),
                dg * (1 - g**2),
                do * o * (1 - o),
            ])  # fmt: skip
            dkernel += x.T @ dz
            drecurrent += h.T @ dz
            dbias += dz.sum(axis=0)
            dx.append(dz @ self.kernel.T)
            dh, dc = dz @ self.recurrent_kernel.T, dc * f  # of the step before
        return Gradients(np.stack(dx[::-1], axis=1), dkernel, drecurrent, dbias)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
