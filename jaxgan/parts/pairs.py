"""Reals, fakes, and who tells them apart: what objectives and terms are computed on."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core import Batch, Memory, Nets
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.losses import Objective, non_saturating
from jaxgan.mesh import batch_mean


class Pair(NamedTuple):
    """Reals and fakes that one discriminator judges; a game has one pair, several, or none.

    Attributes:
        nets: The players.
        player: The discriminator's name.
        discriminate: (nets, images, **options) -> what the discriminator says of them; what else it is told, such as labels,
            is filled in.
        discriminate_fakes: The same beside what the fakes were made from, such as their own labels.
        real: float32 (B, ...).
        fake: float32 (B, ...), or more of them in a generator's turn.
        real_verdict: The verdict on `real`.
        fake_verdict: The verdict on `fake`.
        batch: The minibatch: labels and every other array, by name.
        memory: What the game remembers.
        generate: (nets, latents) -> images, of a generator with a latent; None for others.
        latent: float32 (B, D), of the fakes; None without.
        fake_label: int32 (B,), the classes that the fakes were asked for; None without.
        mismatched_verdict: On real images beside labels of other classes; None where the game draws none.
        decide: How scores are read, as in `jaxgan.losses.Objective`: above 0 for what is taken for real.
        remembered: What the term that is being computed remembers of this pair; None for a term without memory.
        styles: float32 (B, slots, D), what a generator with a mapping has made of the latents; None for others.
        synthesize: (nets, styles) -> images, of such a generator.
        name: Tells a game's pairs apart in the log, "a" and "b"; "" where there is one.
        judges: The players as they were before they judged the reals, and before the fakes, so that they can judge them again
            by the same draws; None where they judged both together.
    """

    nets: Nets
    player: str
    discriminate: Callable[..., Any]
    discriminate_fakes: Callable[..., Any]
    real: jax.Array
    fake: jax.Array
    real_verdict: Verdict
    fake_verdict: Verdict
    batch: Batch
    memory: Memory
    generate: Callable[[Nets, jax.Array], jax.Array] | None = None
    latent: Any = None
    fake_label: Any = None
    mismatched_verdict: Verdict | None = None
    decide: Callable[[jax.Array], jax.Array] = lambda logits: logits
    remembered: Any = None
    styles: Any = None
    synthesize: Callable[[Nets, jax.Array], jax.Array] | None = None
    name: str = ""
    judges: tuple[Nets, Nets] | None = None

    @property
    def real_logits(self) -> jax.Array:
        """The reals' scores (B, ...)."""
        return self.real_verdict.score

    @property
    def fake_logits(self) -> jax.Array:
        """The fakes' scores (B, ...)."""
        return self.fake_verdict.score

    def score(self, images: jax.Array) -> jax.Array:
        """Scores of images, beside the labels and conditions of the reals."""
        return as_verdict(self.discriminate(self.nets, images)).score

    def score_fakes(self, images: jax.Array) -> jax.Array:
        """Scores of images, beside the labels and conditions of the fakes."""
        return as_verdict(self.discriminate_fakes(self.nets, images)).score

    def again(self, images: jax.Array, fakes: bool = False) -> jax.Array:
        """Scores of the pair's own reals, or fakes, seen as its verdicts saw them (the views' draws are theirs).

        For derivatives by the images: the compiler finds that it is the same call, and runs the network once for both.
        """
        if self.judges is None:
            return self.score_fakes(images) if fakes else self.score(images)
        judge = self.discriminate_fakes if fakes else self.discriminate
        return as_verdict(judge(self.judges[fakes].fork(), images)).score

    def features(self, images: jax.Array, fakes: bool = False) -> jax.Array:
        """The discriminator's features (B, F) of images; `fakes` as in `score_fakes`.

        Raises:
            UserError: It has none.
        """
        judge = self.discriminate_fakes if fakes else self.discriminate
        if not self.nets[self.player].takes("features"):
            raise UserError(
                f"the network of the {self.player} has no keyword features, which a term or a loss of this game needs: "
                "take another network, or leave the term out"
            )
        features = as_verdict(judge(self.nets, images, features=True)).features
        if features is None:
            raise UserError(
                f"the {self.player} gives no features, which this game needs: return Verdict(score, features)"
            )
        return features

    @property
    def needed_latent(self) -> jax.Array:
        """`latent`, for a term that cannot do without.

        Raises:
            UserError: The fakes are not made from latents.
        """
        if self.generate is None or self.latent is None:
            raise UserError("it needs a generator of latents, but this game's makes images of images: leave it out")
        return self.latent

    def from_latents(self, latent: jax.Array) -> jax.Array:
        """The generator's images of latents (B, D), such as neighbours of `needed_latent`."""
        assert self.generate is not None
        return self.generate(self.nets, latent)

    def aside(self, name: str) -> "Pair":
        """The same pair, whose further calls of the networks draw for themselves (`Nets.aside`)."""
        return self._replace(nets=self.nets.aside(name))


def as_verdict(output: Any) -> Verdict:
    """What a discriminator returned, a score or a `Verdict`, as a `Verdict`."""
    return output if isinstance(output, Verdict) else Verdict(output)


def make_pair(
    nets: Nets,
    player: str,
    real: jax.Array,
    fake: jax.Array,
    batch: Batch,
    memory: Memory,
    discriminate: Callable[..., Any] | None = None,
    **fields: Any,
) -> Pair:
    """Has a discriminator judge reals and fakes, each as a batch of its own with its own batch-norm statistics.

    Args:
        nets: The players.
        player: The discriminator's name.
        real: float32 (B, ...).
        fake: The same.
        batch: The minibatch.
        memory: What the game remembers.
        discriminate: As in `Pair`; None: the player is told the images alone.
        **fields: The other fields of `Pair`.
    """
    judge = discriminate or (lambda nets, images, **options: nets[player](images, **options))
    verdicts, judges = judged(nets, judge, judge, real, fake)
    return Pair(nets, player, judge, judge, real, fake, *verdicts, batch, memory, **({"judges": judges} | fields))


def judged(
    nets: Nets, judge: Callable[..., Any], judge_fakes: Callable[..., Any], real: jax.Array, fake: jax.Array
) -> tuple[tuple[Verdict, Verdict], tuple[Nets, Nets]]:
    """The verdicts on reals and on fakes, and `Pair.judges`."""
    before_reals = nets.fork()
    of_real = as_verdict(judge(nets, real))
    before_fakes = nets.fork()
    return (of_real, as_verdict(judge_fakes(nets, fake))), (before_reals, before_fakes)


def scores_of(pairs: Sequence[Pair], objective: Objective = non_saturating) -> dict[str, jax.Array]:
    """How the discriminators judged their reals, `Aux.scores`: above 0 where one took an image for real.

    Args:
        pairs: Several of one discriminator have reals of their own, and are told one behind the other.
        objective: What the scores mean. Of a relative one they are told from the middle of the means of reals and fakes.
    """
    found: dict[str, list[jax.Array]] = {}
    for pair in pairs:
        scores = objective.decide(pair.real_logits)
        if objective.relative:
            fakes = objective.decide(pair.fake_logits)
            scores -= (batch_mean(scores.ravel(), 0) + batch_mean(fakes.ravel(), 0)) / 2
        found.setdefault(pair.player, []).append(scores)
    return {player: jnp.concatenate(several) for player, several in found.items()}
