"""Pictures of the source `captions` read back: what a sentence asks for, measured in the picture that was made of it."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.core.text import decode
from jaxgan.data import Source, evenly, other_split
from jaxgan.data.captions import GROUNDS, INKS, SIZES, THICKNESSES, TILTS, WORDS, slant, stroke, told
from jaxgan.evaluation import sample_metrics as samples
from jaxgan.features.digits import digit_probabilities

_SIDE = 16  # of what the digit classifier reads
_STROKE = 0.155  # width of a stroke, as a share of the digit's height, between a thin one and a thick one


def read(images: np.ndarray) -> dict[str, np.ndarray]:
    """What is seen in pictures, by the names of `jaxgan.data.captions.Looks`.

    The ground is the colour along the border, and the ink the one between which and the ground all pixels lie best; then tilt,
    height and stroke are measured, and the digit is set upright, enlarged and read by the digit classifier.

    Args:
        images: float (N, H, H, 3) in [-1, 1].

    Returns:
        Words (N,) for each name.
    """
    pixels = 127.5 * (np.asarray(images, np.float64) + 1)
    border = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1)
    grounds, inks = (np.array(list(table.values()), np.float64) for table in (GROUNDS, INKS))
    ground = np.square(np.median(border, axis=1)[:, None] - grounds).sum(-1).argmin(1)
    off = pixels - grounds[ground][:, None, None]
    way = inks[None] - grounds[ground][:, None]  # (N, inks, 3)
    shares = np.einsum("nhwc,nkc->nkhw", off, way) / np.square(way).sum(-1)[..., None, None]
    shares = np.clip(shares, 0, 1)
    left = np.square(off[:, None] - shares[..., None] * way[:, :, None, None]).sum(axis=(2, 3, 4))
    ink = left.argmin(1)
    shapes = [_Shape(share) for share in shares[np.arange(len(ink)), ink]]
    upright = np.stack([shape.upright() for shape in shapes])[..., None].astype(np.float32)
    digit = digit_probabilities(2 * upright - 1).argmax(1)
    sizes = list(SIZES.values())
    return {
        "digit": _words(WORDS, digit),
        "ink": _words(INKS, ink),
        "ground": _words(GROUNDS, ground),
        "thickness": _words(THICKNESSES, [int(shape.stroke > _STROKE) for shape in shapes]),
        "size": _words(SIZES, [int(shape.height / len(pixels[0]) > sum(sizes) / 2) for shape in shapes]),
        "tilt": _words(
            TILTS, [int(np.argmin([abs(shape.slant - tilt) for tilt in TILTS.values()])) for shape in shapes]
        ),
    }


def _words(table: Mapping[str, object] | Sequence[str], indices: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.array(list(table))[np.asarray(indices)]


class _Shape:
    """Ink (H, W) in [0, 1], measured.

    Attributes:
        height: Pixels from the first row with ink to the last.
        slant: Pixels to the right for each pixel down.
        stroke: Width of the stroke as a share of the height.
    """

    def __init__(self, ink: np.ndarray) -> None:
        self._ink = ink
        most = ink.max(axis=1)
        rows = np.flatnonzero(most >= 0.5) if (most >= 0.5).any() else np.array([0, len(ink) - 1])
        self._middle = (rows[0] + rows[-1]) / 2
        self.height = float(rows[-1] - rows[0] + 1)
        self.slant = slant(ink + 1e-9)  # of no ink at all: none
        self.stroke = stroke(ink)

    def upright(self) -> np.ndarray:
        """The shape without its slant, as high as the picture and in its middle: (16, 16) in [0, 1]."""
        height, width = self._ink.shape
        y = (np.arange(_SIDE) + 0.5 - _SIDE / 2)[:, None] * self.height / _SIDE
        lines, columns = np.mgrid[:height, :width]
        straight = (columns - self.slant * (lines - self._middle))[self._ink >= 0.5]
        middle = (straight.min() + straight.max()) / 2 if len(straight) else (width - 1) / 2
        x = (np.arange(_SIDE) + 0.5 - _SIDE / 2)[None] * self.height / _SIDE + middle + self.slant * y
        return _between(self._ink, np.broadcast_to(y + self._middle, x.shape), x)


def _between(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The image (H, W) at places between its pixels, linearly; 0 outside."""
    padded = np.pad(image, 1)
    y, x = (np.clip(axis + 1, 0, length - 1.001) for axis, length in zip((y, x), padded.shape, strict=True))
    top, left = y.astype(int), x.astype(int)
    v, u = y - top, x - left
    upper = (1 - u) * padded[top, left] + u * padded[top, left + 1]
    return (1 - v) * upper + v * ((1 - u) * padded[top + 1, left] + u * padded[top + 1, left + 1])


def caption_accuracy(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How often what a held-out caption asks for is seen in the picture that is made of it.

    Returns:
        "caption_accuracy", the share of all that is asked for; and the share for each of `jaxgan.data.captions.Looks`, such as
        "digit_accuracy".
    """
    test = other_split(config.data, "test", source.arrays)
    chosen = evenly(config.evaluate_samples, len(test))
    text = np.stack([test[index]["caption"][index % test.arrays["caption"].shape[0]] for index in chosen])
    return accuracy(snapshot.use("sample", key, number=len(text), text=text), text)


def accuracy(images: np.ndarray, text: np.ndarray) -> dict[str, float]:
    """The values of `caption_accuracy`, of pictures (N, H, H, 3) in [-1, 1] and the captions (N, T) that they were made of."""
    seen, right = read(images), list[tuple[str, bool]]()
    for index, caption in enumerate(text):
        right += [(name, bool(seen[name][index] == word)) for name, word in told(decode(caption)).items()]
    shares = {f"{name}_accuracy": np.mean([fine for one, fine in right if one == name]) for name in seen}
    whole = float(np.mean([fine for _, fine in right]))
    return {"caption_accuracy": whole, **{name: float(share) for name, share in shares.items()}}


def needs_text(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must be asked by text, and the data must be digits whose captions are known."""
    if obstacle := samples.needs_samples(compiled, source, config):
        return obstacle
    if config.data.name != "captions":
        return "the data are not digits with captions (data.name='captions')"
    if "text" not in compiled.game.ability("sample").takes:
        return "the game takes no text"
    return samples.unreadable_size(source.arrays["image"].shape)
