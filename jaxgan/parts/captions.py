"""Text for the games that ask for pictures by it: what tells of a picture, the encoder that is trained first, and asking."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import Ability, Argument, Aux, Batch, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import CHOICE, IMAGES, LATENTS, TEXT
from jaxgan.errors import UserError
from jaxgan.losses.contrastive import contrastive
from jaxgan.mesh import shard_batch
from jaxgan.parts.abilities import NUMBER_ARGUMENT, TRUNCATION

TEXT_ENCODER, IMAGE_ENCODER = "text_encoder", "image_encoder"
_REMEMBERED = 512  # captions, for samples that nobody asks anything of


@dataclasses.dataclass(frozen=True)
class Captions:
    """What tells of a game's pictures: captions, which an encoder of its own embeds, or embeddings that come with the data.

    A picture has several of them; a turn takes one of each, at random. The last ones that the game has seen lie in its memory
    under "captions": samples for which no text is given are made of these.

    Attributes:
        text_encoder: The player that embeds captions, int32 (B, T) -> (B, D); None: the data have embeddings.
        image_encoder: The player by which it is trained, images -> (B, D).
        steps: In which both are trained, before the game.
    """

    text_encoder: Player | None
    image_encoder: Player | None
    steps: int

    def __post_init__(self) -> None:
        if (self.text_encoder is None) != (self.image_encoder is None):
            raise UserError("an encoder of text learns beside one of images: give both players, or none for embeddings")

    # ---- what the game is made of beside its own players

    @property
    def array(self) -> str:
        """The array of a minibatch that tells of its pictures."""
        return "embedding" if self.text_encoder is None else "caption"

    @property
    def players(self) -> dict[str, Player]:
        """The two encoders, or none."""
        if self.text_encoder is None or self.image_encoder is None:
            return {}
        return {TEXT_ENCODER: self.text_encoder, IMAGE_ENCODER: self.image_encoder}

    @property
    def inputs(self) -> dict[str, Callable[[Batch], tuple[Any, ...]]]:
        """What they are initialised with."""
        both = {TEXT_ENCODER: lambda batch: (self.told(batch)[:1, 0],), IMAGE_ENCODER: lambda batch: (batch["image"],)}
        return both if self.players else {}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stage in which they are trained."""
        if not self.players or not self.steps:
            return ()
        turn = Turn("text", self._loss, (TEXT_ENCODER, IMAGE_ENCODER))
        return (Stage((turn,), name="text", until_step=self.steps),)

    def first_memory(self, batch: Batch) -> dict[str, Any]:
        """The entry of the game's memory: none seen yet."""
        told = self.told(batch)
        return {"captions": jnp.zeros((_REMEMBERED, told.shape[-1]), told.dtype)}

    def told(self, batch: Batch) -> jax.Array:
        """All that the minibatch tells of its pictures: captions int32 (B, K, T), or embeddings float32 (B, K, D).

        Raises:
            UserError: It tells nothing.
        """
        if self.array not in batch:
            cure = "take the data 'captions', or a folder with data.text='files'"
            if self.array == "embedding":
                cure = "set data.text to an .npz of embeddings, or give the game a text_encoder and an image_encoder"
            raise UserError(f"this game needs an array {self.array!r} beside its images: {cure}")
        return batch[self.array]

    def example(self, batch: Batch) -> jax.Array:
        """An embedding of zeros, (1, D), to initialise networks with."""
        if self.text_encoder is None:
            return jnp.zeros((1, self.told(batch).shape[-1]))
        return jnp.zeros((1, self.text_encoder.shapes(self.told(batch)[:1, 0]).shape[-1]))

    # ---- what a turn is played on

    def draw(self, batch: Batch, key: jax.Array) -> jax.Array:
        """One of the captions (or embeddings) of each picture, (B, T) or (B, D)."""
        told = self.told(batch)
        chosen = shard_batch(jax.random.randint(key, (len(told),), 0, told.shape[1]))
        return jnp.take_along_axis(told, chosen[:, None, None], axis=1)[:, 0]

    def embed(self, nets: Nets, told: jax.Array) -> jax.Array:
        """Embeddings (B, D) of what was drawn; the encoder no longer moves."""
        return told if self.text_encoder is None else nets.bare[TEXT_ENCODER](told)

    def remember(self, memory: Memory, told: jax.Array) -> Memory:
        """The memory with what was drawn before the ones seen so far, of which the oldest are forgotten."""
        return {**memory, "captions": jnp.concatenate([told, memory["captions"]])[:_REMEMBERED]}

    def _loss(self, nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        text = self.draw(batch, key)
        same = (text[:, None] == text[None]).all(axis=-1)
        seen, said = nets[IMAGE_ENCODER](batch["image"]), nets[TEXT_ENCODER](text)
        loss, found = contrastive(seen, said, same)
        return loss, Aux({"found": found}, self.remember(memory, text))

    # ---- what is asked of the trained game

    @property
    def argument(self) -> dict[str, Argument]:
        """By what pictures are asked for: "text", or "embedding"."""
        if self.text_encoder is None:
            help = "an .npz of embeddings, all in turn (default: those of the data that were last seen)"
            return {"embedding": Argument(LATENTS, help, space="embedding", array=self.array)}
        help = "what to show, in English (default: captions of the data that were last seen)"
        return {"text": Argument(TEXT, help, array=self.array)}

    def asked(self, nets: Nets, key: jax.Array, number: int, given: Mapping[str, Any]) -> jax.Array:
        """Embeddings (number, D) of what is asked for, `given` by the names of `argument`; else of remembered captions."""
        told = next((value for value in given.values() if value is not None), None)
        if told is None:
            told = nets.memory["captions"][shard_batch(jax.random.randint(key, (number,), 0, _REMEMBERED))]
        return self.embed(nets, told)

    def abilities(
        self,
        sample: Callable[..., jax.Array],
        match: Callable[[Nets, jax.Array, jax.Array], Any],
        levels: tuple[str, ...],
    ) -> dict[str, Ability]:
        """To draw samples and to judge how well pictures fit a text.

        Args:
            sample: (nets, key, number, embeddings (number, D), level, truncation) -> images.
            match: (nets, images, embeddings) -> scores (B,).
            levels: Names of the sizes that the game makes, the smallest first; the last one is the usual.
        """

        def draw(
            nets: Nets, key: jax.Array, number: int, level: str | None = None, truncation: Any = None, **given: Any
        ) -> jax.Array:
            text_key, own = jax.random.split(key)
            level = level or getattr(nets.stage, "level", levels[-1])
            return sample(nets, own, number, self.asked(nets, text_key, number, given), level, truncation)

        def judge(nets: Nets, key: jax.Array, images: jax.Array, **given: Any) -> jax.Array:
            return match(nets, images, self.asked(nets, key, len(images), given))

        size = Argument(CHOICE, f"the size that the picture is shown at, of {levels[0]}, the smallest, on", levels)
        needed = {name: dataclasses.replace(one, required=True) for name, one in self.argument.items()}
        return {
            "sample": Ability(
                draw,
                {"number": NUMBER_ARGUMENT, **self.argument, "level": size, "truncation": TRUNCATION},
                gives="images",
                drawn="samples",
                help="draws pictures of what a text says",
            ),
            "judge": Ability(
                judge,
                {"images": Argument(IMAGES, "images to judge", required=True, array="image"), **needed},
                gives="scores",
                help="says how well images fit a text, to the discriminator",
            ),
        }


def mismatched(told: jax.Array, embedding: jax.Array) -> jax.Array:
    """For each image the embedding of another's caption: that of the next image whose caption is another one.

    Where a minibatch says the same of all of its images there is none, and it is the next one's all the same.

    Args:
        told: What is told of each, captions (B, T) or embeddings (B, D).
        embedding: (B, D).

    Raises:
        UserError: There is one image alone.
    """
    number = len(told)
    if number < 2:
        raise UserError("a picture is shown beside the text of another one, but a minibatch has one: raise batch_size")
    others = (np.arange(number)[:, None] + np.arange(1, number)) % number  # (B, B - 1), the next one first
    differs = (told[others] != told[:, None]).any(axis=-1)
    chosen = jnp.take_along_axis(jnp.asarray(others), differs.argmax(axis=1)[:, None], axis=1)[:, 0]
    return embedding[chosen]
