"""What learning checks measure beside the config's own metrics: read from a finished run's folder.

Each function takes the folder and returns values by name. A check names one of them, `computed="balance"`, by `COMPUTED`.
"""

import itertools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

from jaxgan.core.constraints import is_weight, path_string
from jaxgan.data import make_source, prepare
from jaxgan.data.toy import ToyDensity
from jaxgan.evaluation import caption_metrics
from jaxgan.evaluation.fakes import squared_speeds
from jaxgan.evaluation.sample_metrics import clustered
from jaxgan.features.extractors import make_perceptual
from jaxgan.layers import laplacian
from jaxgan.losses import DIVERGENCES
from jaxgan.mesh import data_mesh
from jaxgan.metrics import class_accuracy, digit_fd
from jaxgan.metrics.path_length import path_length
from jaxgan.training import train, trained
from jaxgan.training.records import read_metrics
from jaxgan.training.run_folder import RunFolder


def _column(folder: pathlib.Path, name: str) -> dict[int, float]:
    """A metric by step."""
    return {line["step"]: line[name] for line in read_metrics(RunFolder(folder).metrics) if line.get(name) is not None}


def last(folder: pathlib.Path) -> trained.Trained:
    """The game after its last step, which the table's other values are of; `trained.load` prefers the best checkpoint."""
    return trained.load(folder, RunFolder(folder).read()[0].steps)


def verdicts(folder: pathlib.Path) -> dict[str, float]:
    """What the discriminator says of reals and of fakes in the last tenth of the training: 1/2 each at the equilibrium."""
    values = {}
    for name in ("d_real", "d_fake"):
        column = list(_column(folder, f"discriminator/{name}").values())
        values[name] = float(np.mean(column[-max(1, len(column) // 10) :]))
    return values


def critic_follows_wasserstein(folder: pathlib.Path) -> dict[str, float]:
    """Rank correlation, over the training, of the critic's gap with the exact distance of samples and data.

    Ranks, because a critic with clipped weights is Lipschitz with a constant that nobody knows.
    """
    real, fake = _column(folder, "discriminator/d_real"), _column(folder, "discriminator/d_fake")
    exact = _column(folder, "wasserstein")
    steps = sorted(exact.keys() & real.keys())
    gaps = [real[step] - fake[step] for step in steps]
    return {"rank_correlation": float(scipy.stats.spearmanr(gaps, [exact[step] for step in steps])[0])}


def gradient_on_the_line(folder: pathlib.Path) -> dict[str, float]:
    """Root of the mean of (|| grad C || - 1)^2 between reals and fakes, in the last tenth of the training."""
    column = list(_column(folder, "discriminator/gradient_penalty").values())
    return {"gradient_norm_error": float(np.sqrt(np.mean(column[-max(1, len(column) // 10) :])))}


def convergence(folder: pathlib.Path) -> dict[str, float]:
    """BEGAN's measure M at the end, as a share of what it was at the beginning."""
    column = list(_column(folder, "discriminator/convergence").values())
    tenth = max(1, len(column) // 10)
    return {"convergence_share": float(np.mean(column[-tenth:]) / np.mean(column[:tenth]))}


def _weights(folder: pathlib.Path, constrained: bool) -> dict[str, np.ndarray]:
    """The discriminator's weights as matrices (inputs, outputs), as the optimiser or as the network has them."""
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        player, state = run.plan.game.players["discriminator"], run.state.players["discriminator"]
        params = player.constraint.apply(state.params, state.constraint)[0] if constrained else state.params
        leaves = [(path_string(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(params)]
    return {path: np.asarray(leaf).reshape(-1, leaf.shape[-1]) for path, leaf in leaves if is_weight(path)}


def spectral_norms(folder: pathlib.Path) -> dict[str, float]:
    """How far the largest singular value of any weight that the network computes with is from 1, by SVD."""
    sigmas = [np.linalg.norm(matrix, 2) for matrix in _weights(folder, constrained=True).values()]
    return {"sigma_error": float(np.abs(np.array(sigmas) - 1).max())}


def largest_singular_values(folder: pathlib.Path) -> dict[str, float]:
    """Root mean square, over the weights as they are stored, of the largest singular value."""
    sigmas = [np.linalg.norm(matrix, 2) for matrix in _weights(folder, constrained=False).values()]
    return {"sigma": float(np.sqrt(np.mean(np.square(sigmas))))}


def energies(folder: pathlib.Path) -> dict[str, float]:
    """Energy of fakes and of noise as multiples of the energy of held-out reals, in the raw discriminator."""
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        real = np.asarray(prepare(make_source(run.plan.config.data, split="test").stack())["image"])
        key = jax.random.key(0)
        noise = np.asarray(jax.random.uniform(key, (real.size,), minval=-1.0, maxval=1.0)).reshape(real.shape)
        fake = run.snapshot.sample(key, len(real))
        shown = {"real": real, "fake": fake, "noise": noise}
        energy = {name: float(run.snapshot.use("judge", key, images=images).mean()) for name, images in shown.items()}
    return {f"{name}_energy": energy[name] / energy["real"] for name in ("fake", "noise")}


def balance(folder: pathlib.Path) -> dict[str, float]:
    """BEGAN: `convergence`, and the samples' mean distance from each other over that of held-out reals, their diversity."""
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        real = prepare(make_source(run.plan.config.data, split="test").stack())["image"]
        fake = run.snapshot.sample(jax.random.key(0), len(real))

    def spread(images: Any) -> float:
        flat = jnp.asarray(images).reshape(len(images), -1)
        return float(jnp.sqrt(((flat[:, None] - flat[None]) ** 2).sum(-1)).mean())

    return convergence(folder) | {"diversity": spread(fake) / spread(real)}


def divergence_left(folder: pathlib.Path) -> dict[str, float]:
    """f-GAN, section 2.5: D_f(data || learned normal density) over the least that any normal density has, by quadrature."""
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        source = make_source(run.plan.config.data, split="train")
        untrained = run.plan.compiled.at(run.plan.first_state(), 0)
        learned, first = (snapshot.sample(jax.random.key(1), 100_000) for snapshot in (run.snapshot, untrained))
    assert isinstance(source, ToyDensity)
    deviation, centres = source.standard_deviation, source.centres[:, 0]
    divergence = divergence_of_normal(run.plan.config.game.divergence, centres, deviation)
    # From the whole density and from a mode: one of them is the best, by the divergence.
    starts = [(source.mean[0], np.log(source.spread[0])), (centres[0], np.log(deviation))]
    least = min(scipy.optimize.minimize(divergence, start, method="Nelder-Mead").fun for start in starts)
    values = {
        name: divergence((samples.mean(), np.log(samples.std()))) / least
        for name, samples in (("untrained/divergence", first), ("divergence", learned))
    }
    return values | {"learned_mean": float(learned.mean()), "learned_deviation": float(learned.std())}


def divergence_of_normal(name: str, centres: np.ndarray, deviation: float) -> Callable[[tuple[float, float]], float]:
    """(mean, log deviation) of a normal density -> its f-divergence from a mixture of equal normals, by quadrature."""
    x = np.linspace(centres.min() - 20 * deviation, centres.max() + 20 * deviation, 4001)
    p = scipy.stats.norm.pdf(x[:, None], centres, deviation).mean(axis=1)
    f = DIVERGENCES[name].f

    def divergence(parameters: tuple[float, float]) -> float:
        mean, log_deviation = parameters
        # Above 0, so that p / q is very large where it should be infinite.
        q = np.maximum(scipy.stats.norm.pdf(x, mean, np.exp(log_deviation)), 1e-300)
        with jax.enable_x64(True):
            values = q * np.asarray(f(jnp.asarray(p / q)) - f(jnp.float64(1)))  # "gan" alone has f(1) != 0
        return float(np.trapezoid(values, x))

    return divergence


def levels_of_detail(folder: pathlib.Path) -> dict[str, float]:
    """LAPGAN: what its levels add to the coarsest image.

    Returns:
        "gain", the class accuracy of samples less that of the same samples without their detail; and "residual_error", how far
        the deviation of their residuals is from that of held-out reals, as a share of it, at the worst of the levels.
    """
    label = np.arange(1000) % 10
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        kernel, levels = run.plan.config.game.kernel, len(run.plan.config.players.generator)
        real = np.asarray(prepare(make_source(run.plan.config.data, split="test").stack())["image"])
        fake = run.snapshot.sample(jax.random.key(0), len(label), label)

    def take_apart(images: np.ndarray) -> tuple[jax.Array, list[float]]:
        """The images without their detail, at full size, and the deviation of each level's residual, the finest first."""
        image, deviations = jnp.asarray(images), []
        for _ in range(levels - 1):
            coarse = laplacian.down(image, kernel)
            deviations.append(float((image - laplacian.up(coarse, kernel)).std()))
            image = coarse
        for _ in range(levels - 1):
            image = laplacian.up(image, kernel)
        return image, deviations

    coarse, made = take_apart(fake)
    ratios = np.array(made) / np.array(take_apart(real)[1])
    gain = class_accuracy(fake, label) - class_accuracy(np.asarray(coarse), label)
    return {"gain": gain, "residual_error": float(np.abs(ratios - 1).max())}


def against_no_attention(folder: pathlib.Path) -> dict[str, float]:
    """SAGAN: its digit-FD over that of the same game without attention, which this trains in a folder below."""
    config = RunFolder(folder).read()[0]
    for player in config.players.values():
        player.network.attention = ()
    without = train(config, folder / "without_attention")["digit_fd"]
    return {"fd_ratio": _column(folder, "digit_fd")[config.steps] / without}


def styles(folder: pathlib.Path) -> dict[str, float]:
    """StyleGAN: perceptual path lengths by the digit classifier, and how well the styles of the game's own samples are found.

    Returns:
        "ppl" in Z and "ppl_w" in W, "w_over_z", the second as a share of the first; and "inversion_error", the mean squared
        difference of samples and the images of the styles found in W, as a share of the samples' variance.
    """
    with jax.set_mesh(data_mesh()):
        snapshot, key = last(folder).snapshot, jax.random.key(0)
        perceptual = make_perceptual("digits")
        lengths = {
            name: path_length(squared_speeds(snapshot, perceptual, key, 2048, space))
            for name, space in (("ppl", "z"), ("ppl_w", "w"))
        }
        samples = snapshot.sample(key, 64)
        found = snapshot.use("invert", key, images=samples, space="w")
        again = snapshot.use("synthesize", key, latents=found)
    error = np.square(samples - again).mean() / np.square(samples - samples.mean(axis=0)).mean()
    return lengths | {"w_over_z": lengths["ppl_w"] / lengths["ppl"], "inversion_error": float(error)}


def cluster_accuracy(folder: pathlib.Path) -> dict[str, float]:
    """What clusters have to do with digits.

    Returns:
        "purity", the share of held-out digits that are the digit their cluster has most of among the training digits; and
        "cluster_accuracy", the share of samples that are read as the digit that the cluster they were asked for has most of.
    """
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        key, config = jax.random.key(0), run.plan.config
        purity, most, cluster = clustered(run.snapshot, make_source(config.data, split="train"), config, key)
        # In the shares in which clusters occur; a game of one label has no other.
        single = config.game.inferred == "single"
        asked = np.zeros(len(cluster), int) if single else cluster
        images = run.snapshot.sample(key, len(asked), asked)
    return {"purity": purity, "cluster_accuracy": class_accuracy(images, most[cluster])}


def against_labels_alone(folder: pathlib.Path) -> dict[str, float]:
    """Triple-GAN: "gain", how much more often its classifier is right about held-out images than one of the labels alone.

    That is the same classifier, trained for as many steps, on the same labels, without the others and without what it learns
    from images without labels; this trains it in a folder below.
    """
    config = RunFolder(folder).read()[0]
    config.game.update({"pretraining_steps": config.steps, "entropy": 0.0, "balance": 0.0})
    alone = train(config, folder / "labels_alone")["label_accuracy"]
    return {"labels_alone": alone, "gain": _column(folder, "label_accuracy")[config.steps] - alone}


def match_margin(folder: pathlib.Path) -> dict[str, float]:
    """CGAN: how much surer its discriminator is that held-out digits fit their own class than that they fit another one.

    Returns:
        "matched" and "mismatched", the means of sigmoid m(x, c) beside the own class and beside each of the nine others; and
        "match_margin", the first less the second.
    """
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        records = prepare(make_source(run.plan.config.data, split="test").stack())
        images, label = np.asarray(records["image"]), np.asarray(records["label"])
        shifts = [
            run.snapshot.use("match", jax.random.key(0), images=images, label=(label + shift) % 10)
            for shift in range(10)
        ]
    chances = scipy.special.expit(np.array(shifts)).mean(axis=1)
    matched, mismatched = float(chances[0]), float(chances[1:].mean())
    return {"matched": matched, "mismatched": mismatched, "match_margin": matched - mismatched}


def adversarial_stage(folder: pathlib.Path) -> dict[str, float]:
    """SRGAN: what its second stage, with the adversary, costs and gives after the first, that of squared errors (SRResNet).

    Returns:
        "psnr_lost", by how many decibels the PSNR of held-out pictures has fallen since the end of the first stage; and
        "detail_share", the distance of the distribution of neighbours' differences from the true one, as a share of what it was
        then: below 1 where textures are nearer to true ones.
    """
    config = RunFolder(folder).read()[0]
    psnr, detail = (_column(folder, name) for name in ("psnr", "detail"))
    first, last = config.game.pretraining_steps, config.steps
    return {"psnr_lost": psnr[first] - psnr[last], "detail_share": detail[last] / detail[first]}


def levels_of_text(folder: pathlib.Path) -> dict[str, float]:
    """StackGAN and StackGAN++: what each size adds to the one before, all shown at the full size, and how text is judged.

    Returns:
        "gain", by how much the share of what held-out captions ask for that is seen grows from a size to the next, the least of
        all; "fd_ratio", the largest digit-FD of a size over that of the one before; "matched", the share of held-out pictures
        whose own caption the discriminator prefers to another's; and "colour_error", how far the mean colours of a picture's
        two sizes are apart, as a share of how far those of two pictures are, the largest of all.
    """
    with jax.set_mesh(data_mesh()):
        run = last(folder)
        snapshot, key = run.snapshot, jax.random.key(0)
        test = make_source(run.plan.config.data, split="test").stack()
        real, text = np.asarray(prepare({"image": test["image"]})["image"]), test["caption"][:, 0]
        levels = snapshot.game.ability("sample").takes["level"].choices
        made = [snapshot.use("sample", key, number=len(text), text=text, level=level) for level in levels]
        scores = [snapshot.use("judge", key, images=real, text=told) for told in (text, np.roll(text, 1, axis=0))]
    seen = [caption_metrics.accuracy(images, text)["caption_accuracy"] for images in made]
    distances = [digit_fd(images, real) for images in made]
    means = [images.mean(axis=(1, 2)) for images in made]
    apart = np.linalg.norm(means[-1] - np.roll(means[-1], 1, axis=0), axis=1).mean()
    errors = [np.linalg.norm(fine - coarse, axis=1).mean() / apart for coarse, fine in itertools.pairwise(means)]
    return {
        "gain": float(min(np.diff(seen))),
        "fd_ratio": float(max(np.divide(distances[1:], distances[:-1]))),
        "matched": float((scores[0] > scores[1]).mean()),
        "colour_error": float(max(errors)),
    }


COMPUTED: dict[str, Callable[[pathlib.Path], dict[str, float]]] = {
    function.__name__: function
    for function in (
        verdicts,
        critic_follows_wasserstein,
        gradient_on_the_line,
        spectral_norms,
        largest_singular_values,
        energies,
        balance,
        divergence_left,
        levels_of_detail,
        against_no_attention,
        styles,
        cluster_accuracy,
        against_labels_alone,
        match_margin,
        adversarial_stage,
        levels_of_text,
    )
}
