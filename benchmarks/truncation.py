"""The truncation curve of a trained class-conditional game of digits: quality up, diversity down.

python -m benchmarks.truncation --workdir=runs/biggan_like --without=runs/biggan_plain

Brock et al. 2018 (arXiv:1809.11096), section 3.1 and figure 2: latents beyond a threshold are drawn again. The second run is
the same game without orthogonal regularisation of the generator, which the paper adds so that truncation works:

python train.py --config=configs/biggan_like.py --workdir=runs/biggan_plain \\
    --config.players.generator.constraints=spectral_norm \\
    --config.players.generator.constraints.spectral_norm.exclude=shared_embedding

Writes docs/truncation.md and docs/images/truncation.png. Seconds on a CPU.
"""

import argparse
import io
import pathlib
import sys

import jax
import numpy as np
from matplotlib.figure import Figure
from ml_collections import ConfigDict
from PIL import Image

from jaxgan import metrics, pictures
from jaxgan.core.snapshot import Snapshot
from jaxgan.data import make_source, prepare
from jaxgan.errors import ConfigError
from jaxgan.features.digits import digit_features
from jaxgan.files import atomically
from jaxgan.mesh import data_mesh
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.training import command_line, trained

DOCS = pathlib.Path(__file__).parents[1] / "docs"
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, None)
SHOWN = (0.05, 0.5, 1.0, None)  # the thresholds whose samples are shown
Row = dict[str, float | None]

_VALUES = {
    "class_accuracy": "class accuracy",
    "precision": "precision",
    "digit_fd": "digit-FD",
    "diversity": "diversity",
}
_PAGE = """# Truncation

The game of {run}, after {step:,} steps, with its latents drawn again until no component exceeds the threshold (Brock et al.
2018, section 3.1): {number:,} samples for each threshold, as many of each digit, drawn from the same seed. Class accuracy is
the share that the digit classifier reads as the digit asked for. Precision is the share that lies, in the classifier's
features, no farther from a real digit than that one's third neighbour does (Kynkäänniemi et al. 2019); {real_precision:.2f} of
the held-out digits do. Diversity is the variance of the features within a digit, as a share of that of real digits.
`python -m benchmarks.truncation --workdir=...` writes this page.

{table}
{without}
Four samples of each of five digits, by threshold:

![the curves, and samples at four thresholds](images/truncation.png)
"""


_WITHOUT = """
## Without orthogonal regularisation

Eq. 3 of the paper keeps the filters of the generator at right angles, so that latents of which it saw few make samples too. The
same game without it, {run} ({step:,} steps), dashed in the picture:

{table}

In the paper 60 % of the models with it can be truncated and 16 % of those without; on small images such as these, both can
where the two tables agree. How bent each curve is, its roughness: the mean of |a - 2 b + c| over three neighbouring thresholds,
as a share of the curve's range; 0 for a straight line.

{roughness}
"""


class RealDigits:
    """What samples are compared with: features of the training digits.

    Args:
        images: float (N, H, W, C) in [-1, 1], as `digit_features` takes them.
        label: int (N,).
    """

    def __init__(self, images: np.ndarray, label: np.ndarray) -> None:
        self.features = digit_features(images).astype(np.float64)
        self.spread = _spread(self.features, label)

    def precision(self, images: np.ndarray) -> float:
        """Kynkäänniemi et al. 2019 (arXiv:1904.06991), Eq. 1 and 2, with three neighbours."""
        return precision_recall(self.features, digit_features(images))[0]

    def diversity(self, images: np.ndarray, label: np.ndarray) -> float:
        """Variance of the features within a class, as a share of that of these digits."""
        return _spread(digit_features(images).astype(np.float64), label) / self.spread


def _spread(features: np.ndarray, label: np.ndarray) -> float:
    """Total variance within a class, averaged over the classes."""
    return float(np.mean([features[label == one].var(axis=0).sum() for one in np.unique(label)]))


def measure(snapshot: Snapshot, thresholds: tuple[float | None, ...], number: int, real: RealDigits) -> list[Row]:
    """The curve: for each threshold its values.

    Args:
        snapshot: The trained game.
        thresholds: None: nothing is drawn again.
        number: Samples for each.
        real: What they are compared with.
    """
    label, rows = np.arange(number) % 10, []
    for threshold in thresholds:
        images = snapshot.sample(jax.random.key(0), number, label, threshold)
        rows.append(
            {
                "threshold": threshold,
                "class_accuracy": metrics.class_accuracy(images, label),
                "precision": real.precision(images),
                "digit_fd": metrics.digit_fd(images),
                "diversity": real.diversity(images, label),
            }
        )
    return rows


def roughness(values: list[float]) -> float:
    """How bent a curve is: the mean absolute second difference of neighbouring values, as a share of their range.

    Args:
        values: At equal steps, at least three; not all the same.
    """
    return float(np.abs(np.diff(values, 2)).mean() / np.ptp(values)) if np.ptp(values) else 0.0


def roughness_table(curves: list[tuple[str, list[Row]]]) -> str:
    """The roughness of the curves of several games, as Markdown; the untruncated game, which is at no threshold, left out."""
    lines = ["| game | " + " | ".join(_VALUES.values()) + " |", "|---" * (1 + len(_VALUES)) + "|"]
    for name, rows in curves:
        kept = [row for row in rows if row["threshold"] is not None]
        lines.append(f"| {name} | " + " | ".join(f"{roughness([row[v] for row in kept]):.3f}" for v in _VALUES) + " |")
    return "\n".join(lines)


def named(threshold: float | None) -> str:
    return "none" if threshold is None else f"{threshold:g}"


def table(rows: list[Row]) -> str:
    """The curve as Markdown."""
    lines = ["| threshold | " + " | ".join(_VALUES.values()) + " |", "|---" * (1 + len(_VALUES)) + "|"]
    for row in rows:
        cells = [named(row["threshold"])] + [
            f"{row[name]:.{3 if name == 'class_accuracy' else 2}f}" for name in _VALUES
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def picture(rows: list[Row], samples: dict[float | None, np.ndarray], without: list[Row] | None = None) -> Image.Image:
    """The curves, the untruncated game as a grey line, another game dashed; below them samples for each threshold shown."""
    figure = Figure(figsize=(10, 2.8 + 0.5 * len(samples)), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2.8, 0.5 * len(samples)))
    curves = [[row for row in each if row["threshold"] is not None] for each in (rows, without or [])]
    for axes, (name, title) in zip(above.subplots(1, len(_VALUES)), _VALUES.items(), strict=True):
        for curve, style in zip(curves, ("-", "--"), strict=True):
            axes.plot([row["threshold"] for row in curve], [row[name] for row in curve], style, marker=".")
        for row in rows:
            if row["threshold"] is None:
                axes.axhline(row[name], color="0.5", linestyle=":", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("threshold", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    for axes, (threshold, images) in zip(
        below.subplots(len(samples), 1, squeeze=False)[:, 0], samples.items(), strict=True
    ):
        axes.imshow(np.asarray(pictures.grid(images, len(images)).convert("RGB")), interpolation="nearest")
        axes.set_ylabel(named(threshold), fontsize=8, rotation=0, ha="right", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110)
    return Image.open(buffer).convert("RGB")


def _digits(config: ConfigDict, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Real images in [-1, 1], and their labels."""
    records = prepare(make_source(config.data, split=split).stack())
    return np.asarray(records["image"]), np.asarray(records["label"])


def _load(workdir: str) -> trained.Trained:
    """A run, which must be of digits and take labels."""
    run = trained.load(workdir)
    takes = all(run.snapshot.takes("sample", what) for what in ("label", "truncation"))
    if run.plan.config.data.name != "digits" or not takes:
        raise ConfigError(f"{workdir} is not a game of digits that takes labels: train configs/biggan_like.py")
    return run


def main(arguments: list[str] | None = None) -> None:
    """Runs the command.

    Raises:
        ConfigError: The run is not a game of digits that takes labels and can be truncated.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truncation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", required=True, help="the run's folder")
    parser.add_argument("--without", help="the folder of the same game without orthogonal regularisation")
    parser.add_argument("--num", type=int, default=1000, help="samples for each threshold (default: 1000)")
    parser.add_argument("--docs", type=pathlib.Path, default=DOCS, help="where the page goes")
    asked = parser.parse_args(arguments)
    command_line.use_compilation_cache()
    with jax.set_mesh(data_mesh()):
        run = _load(asked.workdir)
        config, snapshot = run.plan.config, run.snapshot
        real = RealDigits(*_digits(config, "train"))
        rows = measure(snapshot, THRESHOLDS, asked.num, real)
        other = _load(asked.without) if asked.without else None
        without = measure(other.snapshot, THRESHOLDS, asked.num, real) if other else None
        real_precision = real.precision(_digits(config, "test")[0])
        label = np.repeat(np.arange(5), 4)
        samples = {t: snapshot.sample(jax.random.key(1), len(label), label, t) for t in SHOWN}
    compared, name = "", pathlib.Path(asked.workdir).name
    if other and without:
        other_name = pathlib.Path(asked.without).name
        bends = roughness_table([(name, rows), (other_name, without)])
        compared = _WITHOUT.format(run=other_name, step=other.step, table=table(without), roughness=bends)
    pictures.save(picture(rows, samples, without), asked.docs / "images" / "truncation.png")
    text = _PAGE.format(
        run=name,
        step=run.step,
        number=asked.num,
        real_precision=real_precision,
        table=table(rows),
        without=compared,
    )
    with atomically(asked.docs / "truncation.md") as temporary:
        temporary.write_text(text)
    print(table(rows) + compared)


if __name__ == "__main__":
    sys.exit(command_line.run(main))
