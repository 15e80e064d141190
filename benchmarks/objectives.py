"""What each objective and technique costs: its step beside the non-saturating game's, on the same networks.

python -m benchmarks.objectives              about two minutes on two CPU cores; the table is in docs/speed.md
python -m benchmarks.objectives --only r1    some of them

Every step is compiled first; then all are played in turns, so that a busy machine is fair to each, and the ratio is the
median over the rounds. A step that is lazy counts the mean over its period. Beside it stands the ratio of the floating-point
operations in the step as it was traced, before XLA simplifies it: what its arithmetic should cost.
"""

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.build import build_game
from jaxgan.config import default, named, player
from jaxgan.core.arrays import ArraySpec
from jaxgan.training import command_line

SIZE, CHANNELS, BATCH = 32, 3, 32
PLAIN = "non-saturating"


@dataclasses.dataclass(frozen=True)
class Row:
    """One game.

    Attributes:
        game: Fields of `config.game` beside the latent size.
        discriminator: Fields of the discriminator's part of the config.
        generator: The same of the generator.
        against: The row whose step it is divided by.
    """

    game: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    discriminator: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    generator: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    against: str = PLAIN


def _objective(name: str, **fields: Any) -> dict[str, Any]:
    return {"objective": named(name, **fields)}


def _terms(*terms: ConfigDict) -> dict[str, Any]:
    return {"terms": terms}


def _constraint(name: str, **fields: Any) -> dict[str, Any]:
    return {"constraints": (named(name, **fields),)}


def _view(name: str, **fields: Any) -> dict[str, Any]:
    return {"views": (named(name, **fields),)}


_CRITIC_5 = {"objective": "wasserstein", "discriminator_steps": 5}
ROWS: dict[str, Row] = {
    PLAIN: Row(),
    "minimax": Row(_objective("minimax")),
    "least squares": Row(_objective("least_squares")),
    "hinge": Row(_objective("hinge")),
    "f-divergence: KL": Row(_objective("f_divergence", divergence="kl")),
    "f-divergence: Jeffrey": Row(_objective("f_divergence", divergence="jeffrey")),
    "relativistic pairs": Row(_objective("relativistic", form="pairing")),
    "relativistic average": Row(_objective("relativistic", form="average")),
    "Wasserstein, five critic turns": Row(_CRITIC_5),
    "WGAN, clipped": Row(
        _CRITIC_5, discriminator=_constraint("clip", limit=0.01), against="Wasserstein, five critic turns"
    ),
    "WGAN-GP": Row(_CRITIC_5 | _terms(named("gradient_penalty")), against="Wasserstein, five critic turns"),
    "RaSGAN-GP, one discriminator turn": Row(
        _objective("relativistic", form="average") | _terms(named("gradient_penalty")), against="WGAN-GP"
    ),
    "DRAGAN": Row(_terms(named("dragan"))),
    "R1": Row(_terms(named("r1"))),
    "R1 every 16": Row(_terms(named("r1", every=16))),
    "R1 and R2": Row(_terms(named("r1"), named("r2"))),
    "spectral norm": Row(discriminator=_constraint("spectral_norm")),
    "orthogonal regularisation": Row(discriminator=_constraint("orthogonal", weight=1e-4)),
    "historical averaging": Row(discriminator=_constraint("historical_averaging", weight=1e-4)),
    "DiffAugment": Row(discriminator=_view("diff_augment")),
    "ADA's pipeline": Row(discriminator=_view("augment_pipe", probability=0.5)),
    "instance noise": Row(discriminator=_view("instance_noise", deviation=0.1)),
    "consistency (CR)": Row(_terms(named("consistency"))),
    "balanced consistency (bCR)": Row(_terms(named("consistency", fakes=1.0))),
    "latent consistency (zCR)": Row(_terms(named("latent_consistency"), named("latent_diversity"))),
    "LeCam": Row(_terms(named("lecam"))),
    "feature matching": Row(_terms(named("feature_matching"))),
    "top-k": Row(_terms(named("top_k", share=named("linear_decay", final=0.5)))),
}


def make_config(row: Row) -> ConfigDict:
    """A DCGAN without batch norm in its discriminator, so that every term applies."""
    config = default()
    config.system = "gan"
    config.game = {"latent_size": 64, **row.game}
    adam = named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
    config.players.generator = player(named("DCGANGenerator", width=32, layout="torch"), adam, **row.generator)
    config.players.discriminator = player(
        named("DCGANDiscriminator", width=32, layout="torch", norm="none"), adam, **row.discriminator
    )
    return config


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled game.

    Attributes:
        play: Plays one step, on average over the period of lazy terms, and returns its seconds.
        operations: Floating-point operations of such a step.
        compile_seconds: What the compilation took.
    """

    play: Callable[[], float]
    operations: float
    compile_seconds: float


def compile_row(row: Row) -> Compiled:
    """Compiles a row's step."""
    game = build_game(make_config(row), {"image": ArraySpec((SIZE, SIZE, CHANNELS), "float32", "image")})
    period = max(turn.every for turn in game.stages[0].turns)
    image = np.random.default_rng(0).uniform(-1, 1, (BATCH, SIZE, SIZE, CHANNELS)).astype(np.float32)
    batch = {"image": jax.device_put(image)}
    holder = [jax.jit(game.init)(jax.random.key(0), batch)]
    begin = time.perf_counter()
    steps, operations = [], []
    for index in range(min(period, 2)):  # with the lazy terms and without them
        due = game.due(index, 0)
        minibatches = (batch,) * game.minibatches(due)
        step = jax.jit(game.step, static_argnames="due", donate_argnums=0).lower(holder[0], minibatches, due)
        operations.append(step.cost_analysis()["flops"])
        steps.append((step.compile(), minibatches))
    compile_seconds = time.perf_counter() - begin

    def average(costs: list[float]) -> float:
        return (costs[0] + (period - 1) * costs[-1]) / period

    def seconds(step: Any, minibatches: Any) -> float:
        begin = time.perf_counter()
        holder[0], _ = step(holder[0], minibatches)
        jax.block_until_ready(holder[0])
        return time.perf_counter() - begin

    return Compiled(lambda: average([seconds(*step) for step in steps]), average(operations), compile_seconds)


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--rounds", type=int, default=25)
    asked = parser.parse_args()
    command_line.use_compilation_cache()
    needed = {PLAIN, *asked.only} | {ROWS[name].against for name in asked.only}
    games = {}
    for name in ROWS:
        if name in needed:
            games[name] = compile_row(ROWS[name])
            games[name].play()
            print(f"{name}: compiled in {games[name].compile_seconds:.1f} s", flush=True)
    times: dict[str, list[float]] = {name: [] for name in games}
    for _ in range(asked.rounds):
        for name, game in games.items():
            times[name].append(game.play())
    print("\n| game | ms a step | relative to | time (min to max) | arithmetic |\n|---|---|---|---|---|")
    for name, own in times.items():
        against = ROWS[name].against
        ratios = [mine / theirs for mine, theirs in zip(own, times[against], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        arithmetic = games[name].operations / games[against].operations
        print(f"| {name} | {1000 * statistics.median(own):.0f} | {against} | {spread} | {arithmetic:.2f} |")


if __name__ == "__main__":
    main()
