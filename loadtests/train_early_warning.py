"""Trains the early-warning table: `python -m loadtests.train_early_warning > vitals/early_warning.json`.

In: the second day of each stay of Challenge 2012 set a, beside the checkout. Out: the coefficient table (standard output) and the figures
of the model card (standard error): AUROC by ten-fold cross-validation, calibration, Brier score, and NEWS2 on the same stays.
L2-penalised logistic regression by L-BFGS; the folds are drawn with a fixed seed, so that it gives the same table each time.
"""

import json
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from loadtests.bench_clinical import auroc, scored
from loadtests.charted import MINUTE_MS, Stay, challenge2012
from vitals.early_warning import FEATURES, HOURS, Table, features, standardised
from vitals.registry import V

Array = npt.NDArray[np.float64]
PENALTY = 20.0
FOLDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The out-of-fold probabilities (n,) and the labels (n,)."""

    probability: Array
    died: npt.NDArray[np.bool_]


def hourly(stay: Stay) -> Array:
    """(24, V): the value known at each hour if it was charted within that hour."""
    fresh = stay.hours[1:, None] - stay.observed_at[1:] < 60 * MINUTE_MS
    return np.where(fresh[-HOURS:], stay.values[-HOURS:], np.nan).reshape(HOURS, V)


def trained(x: Array, died: npt.NDArray[np.bool_]) -> Table:
    """x: (n, F) features, NaN where not known."""
    scale = np.nanstd(x, axis=0)
    empty = Table(0.0, np.zeros(len(FEATURES)), np.nanmean(x, axis=0), np.where(scale > 0, scale, 1.0))
    z = np.column_stack((np.ones(len(x)), standardised(x, empty)))

    def loss(w: Array) -> tuple[float, Array]:
        odds = z @ w
        penalty = PENALTY * w * np.r_[0.0, np.ones(len(w) - 1)]
        gradient = z.T @ (1.0 / (1.0 + np.exp(-odds)) - died) + penalty
        return float(np.sum(np.logaddexp(0.0, odds) - died * odds) + 0.5 * penalty @ w), gradient

    w = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return Table(float(w[0]), w[1:], empty.centre, empty.scale)


def probabilities(x: Array, model: Table) -> Array:
    """(n,) from (n, F)."""
    return np.asarray(1.0 / (1.0 + np.exp(-(model.intercept + standardised(x, model) @ model.weight))))


def cross_validated(x: Array, died: npt.NDArray[np.bool_]) -> Fit:
    """Every stay is judged by a model that has not seen it."""
    fold = np.random.default_rng(2012).permutation(len(x)) % FOLDS
    probability = np.zeros(len(x))
    for k in range(FOLDS):
        probability[fold == k] = probabilities(x[fold == k], trained(x[fold != k], died[fold != k]))
    return Fit(probability, died)


def calibration(fit: Fit) -> list[tuple[float, float, int]]:
    """Ten equal groups by probability: mean said, share that died, how many."""
    groups = np.array_split(np.argsort(fit.probability), 10)
    return [(float(fit.probability[g].mean()), float(fit.died[g].mean()), len(g)) for g in groups]


def main() -> None:
    """Trains, says the figures, prints the table."""
    stays = list(challenge2012())
    x, died = np.array([features(hourly(s)) for s in stays]), np.array([s.dies[0] for s in stays])
    fit, model = cross_validated(x, died), trained(x, died)
    news2 = [float(scored(s).lowest.mean()) for s in stays]
    say = sys.stderr.write
    say(f"stays {len(stays)}, died {int(died.sum())}\n")
    say(f"AUROC, ten-fold cross-validated {auroc(list(fit.probability), list(died)):.3f}\n")
    say(f"AUROC, mean NEWS2 of the same stays {auroc(news2, list(died)):.3f}\n")
    say(
        f"Brier score {float(np.mean((fit.probability - died) ** 2)):.4f}; of the mean alone {float(died.mean() * (1 - died.mean())):.4f}\n"
    )
    for said, happened, n in calibration(fit):
        say(f"| {said:.3f} | {happened:.3f} | {n} |\n")
    rows = {
        name: {"weight": round(float(w), 4), "centre": round(float(c), 4), "scale": round(float(s), 4)}
        for name, w, c, s in zip(FEATURES, model.weight, model.centre, model.scale, strict=True)
    }
    print(json.dumps({"intercept": round(model.intercept, 4), "features": rows}, indent=1))


if __name__ == "__main__":
    main()
