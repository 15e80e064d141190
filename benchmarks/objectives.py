"""What each objective and technique costs: its step beside the non-saturating game's, on the same networks.

python -m benchmarks.objectives              about eight minutes on two CPU cores; the table is in docs/speed.md
python -m benchmarks.objectives --only r1    some of them

Every step is compiled first; then all are played in turns, so that a busy machine is fair to each, and the ratio is the
median over the rounds. A step that is lazy counts the mean over its period.
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

from jaxgan import config as jaxgan
from jaxgan.training import command_line

SIZE, CHANNELS, BATCH = 32, 3, 32
PLAIN = "non-saturating"


@dataclasses.dataclass(frozen=True)
class Row:
    """One game.

    Attributes:
        game: Fields of `config.game` beside the latent size.
        expected: What its arithmetic should cost, in words.
        discriminator: Fields of the discriminator's part of the config.
        generator: The same of the generator.
        against: The row whose step it is divided by.
    """

    game: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    expected: str = "the same"
    discriminator: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    generator: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    against: str = PLAIN


def _objective(name: str, **fields: Any) -> dict[str, Any]:
    return {"objective": {"name": name, **fields}}


def _terms(**terms: Mapping[str, Any]) -> dict[str, Any]:
    return {"terms": {name: dict(fields) for name, fields in terms.items()}}


def _constraint(name: str, **fields: Any) -> dict[str, Any]:
    return {"constraint": jaxgan.named(name, **fields)}


def _view(name: str, **fields: Any) -> dict[str, Any]:
    return {"view": jaxgan.named(name, **fields)}


_CRITIC_5 = {"objective": "wasserstein", "discriminator_steps": 5}
ROWS: dict[str, Row] = {
    PLAIN: Row(),
    "minimax": Row(_objective("minimax")),
    "least squares": Row(_objective("least_squares")),
    "hinge": Row(_objective("hinge")),
    "f-divergence: KL": Row(_objective("f_divergence", divergence="kl")),
    "f-divergence: Jeffrey": Row(_objective("f_divergence", divergence="jeffrey")),
    "relativistic pairs": Row(_objective("relativistic", form="pairing"), "the reals' scores for the generator"),
    "relativistic average": Row(_objective("relativistic", form="average"), "the reals' scores for the generator"),
    "Wasserstein, five critic turns": Row(_CRITIC_5, "five discriminator turns"),
    "WGAN, clipped": Row(
        _CRITIC_5, discriminator=_constraint("clip", limit=0.01), against="Wasserstein, five critic turns"
    ),
    "WGAN-GP": Row(
        _CRITIC_5 | _terms(gradient_penalty={}), "a double backward more", against="Wasserstein, five critic turns"
    ),
    "DRAGAN": Row(_terms(dragan={}), "a double backward more"),
    "R1": Row(_terms(r1={}), "a double backward more"),
    "R1 every 16": Row(_terms(r1={"every": 16}), "a sixteenth of it"),
    "R1 and R2": Row(_terms(r1={}, r2={}), "two double backwards more"),
    "spectral norm": Row(discriminator=_constraint("spectral_norm")),
    "orthogonal regularisation": Row(discriminator=_constraint("orthogonal", weight=1e-4)),
    "historical averaging": Row(discriminator=_constraint("historical_averaging", weight=1e-4)),
    "DiffAugment": Row(discriminator=_view("diff_augment")),
    "ADA's pipeline": Row(discriminator=_view("augment_pipe", probability=0.5)),
    "instance noise": Row(discriminator=_view("instance_noise", deviation=0.1)),
    "consistency (CR)": Row(_terms(consistency={}), "a third pass of the discriminator"),
    "balanced consistency (bCR)": Row(_terms(consistency={"fakes": 1.0}), "two more passes"),
    "latent consistency (zCR)": Row(_terms(latent_consistency={}, latent_diversity={}), "three more passes"),
    "LeCam": Row(_terms(lecam={})),
    "feature matching": Row(_terms(feature_matching={}), "the reals' features for the generator"),
    "top-k": Row({"top_k": {"name": "linear_decay", "stop": 1000, "final": 0.5}}),
}


def make_config(row: Row) -> ConfigDict:
    """A DCGAN without batch norm in its discriminator, so that every term applies."""
    config = jaxgan.default()
    config.system = "gan"
    config.game = {"latent_size": 64, **row.game}
    networks = {
        "generator": jaxgan.named("DCGANGenerator", width=32, layout="torch"),
        "discriminator": jaxgan.named("DCGANDiscriminator", width=32, layout="torch", norm="none"),
    }
    own = {"generator": row.generator, "discriminator": row.discriminator}
    for name, network in networks.items():
        adam = jaxgan.named("adam", learning_rate=2e-4, b1=0.5, b2=0.999)
        config.players[name] = jaxgan.player(network, adam, **own[name])
    return config


def player_of(row: Row) -> tuple[Callable[[], float], float]:
    """A function that plays one step on average and returns its seconds, and the seconds of the compilation."""
    game = jaxgan.build_game(make_config(row), (SIZE, SIZE, CHANNELS))
    period = max(turn.every for turn in game.stages[0].turns)
    rounds = {index: game.round(index, 0) for index in (0, 1)} if period > 1 else {0: game.round(0, 0)}
    image = np.random.default_rng(0).uniform(-1, 1, (BATCH, SIZE, SIZE, CHANNELS)).astype(np.float32)
    batch = {"image": jax.device_put(image)}
    state = jax.jit(game.init)(jax.random.key(0), batch)
    start = time.perf_counter()
    steps = {}
    for index, due in rounds.items():
        minibatches = (batch,) * game.minibatches(due)
        step = jax.jit(game.step, static_argnames="round", donate_argnums=0).lower(state, minibatches, due).compile()
        steps[index] = (step, minibatches)
    compile_seconds = time.perf_counter() - start
    holder = [state]

    def seconds(index: int) -> float:
        step, minibatches = steps[index]
        begin = time.perf_counter()
        holder[0], _ = step(holder[0], minibatches)
        jax.block_until_ready(holder[0])
        return time.perf_counter() - begin

    def play() -> float:
        return seconds(0) if period == 1 else (seconds(0) + (period - 1) * seconds(1)) / period

    return play, compile_seconds


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    command_line.use_compilation_cache()
    needed = {PLAIN, *asked.only} | {ROWS[name].against for name in asked.only}
    players = {}
    for name in ROWS:
        if name in needed:
            players[name], seconds = player_of(ROWS[name])
            players[name]()
            print(f"{name}: compiled in {seconds:.1f} s", flush=True)
    times: dict[str, list[float]] = {name: [] for name in players}
    for _ in range(asked.rounds):
        for name, play in players.items():
            times[name].append(play())
    print(
        "\n| game | ms a step | relative to | ratio (min to max) | expected of its arithmetic |\n|---|---|---|---|---|"
    )
    for name, own in times.items():
        row = ROWS[name]
        ratios = [mine / theirs for mine, theirs in zip(own, times[row.against], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {1000 * statistics.median(own):.0f} | {row.against} | {spread} | {row.expected} |")


if __name__ == "__main__":
    main()
