"""What the lessons share: what one is, and how they play games and make pictures."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from ml_collections import ConfigDict
from PIL import Image

from jaxgan.build import build_game
from jaxgan.core import Due, Game, State
from jaxgan.data import make_source, prepare

DOTS_PER_INCH = 100
LARGEST = 150_000  # bytes of a picture
_DATA = 0x64617461  # folded into the game's key for the choice of minibatches


class Lesson(NamedTuple):
    """A picture, and what is to be said of it.

    Attributes:
        title: Of its section.
        papers: Where it comes from, in Markdown.
        draw: Trains what there is to train; returns the picture and a paragraph with the numbers that were measured.
    """

    title: str
    papers: str
    draw: Callable[[], tuple[Figure, str]]


def from_config(config: ConfigDict) -> tuple[Game, jax.Array]:
    """The game that a config describes, and all of its data, (N, ...)."""
    source = make_source(config.data)
    data = prepare(source.stack(np.arange(len(source))))["image"]
    return build_game(config, source.arrays, source.domains), jnp.asarray(data)


def play(
    game: Game,
    steps: int,
    watch: Callable[[State], Any],
    *,
    turns: Sequence[str] = (),
    every: int = 1,
    batch_size: int = 256,
) -> Callable[[State, jax.Array], tuple[State, Any]]:
    """A game played in one compiled loop, on minibatches drawn with replacement.

    Args:
        game: The game, of one stage.
        steps: How many steps; a multiple of `every`.
        watch: Looks at the state after every `every` steps.
        turns: Only these turns are played; default: all.
        every: See `watch`.
        batch_size: Reals in a minibatch.

    Returns:
        (state, data (N, ...)) -> the state after all steps, and what `watch` saw, stacked. Pure: to be jitted, and mapped over
        states, each of which draws its own minibatches.

    Raises:
        ValueError: `every` does not divide `steps`.
    """
    if steps % every:
        raise ValueError(f"play: {steps} steps cannot be watched every {every}: choose a divisor")
    due = Due(0, tuple(turns) or game.due(0, 0).turns)
    minibatches = game.minibatches(due)

    def run(state: State, data: jax.Array) -> tuple[State, Any]:
        def step(state: State, _: None) -> tuple[State, None]:
            key = jax.random.fold_in(jax.random.fold_in(state.key, _DATA), state.step)
            chosen = jax.random.randint(key, (minibatches, batch_size), 0, len(data))
            return game.step(state, tuple({"image": data[part]} for part in chosen), due)[0], None

        def period(state: State, _: None) -> tuple[State, Any]:
            state, _ = jax.lax.scan(step, state, length=every)
            return state, watch(state)

        return jax.lax.scan(period, state, length=steps // every)

    return run


def first_states(game: Game, data: jax.Array, seeds: int) -> State:
    """The game's first states from the seeds 0, 1, ..., stacked."""
    keys = jax.vmap(jax.random.key)(np.arange(seeds))
    return jax.jit(jax.vmap(lambda key: game.init(key, {"image": data[:1]})))(keys)


def panels(columns: int, rows: int = 1, height: float = 3.2, **options: Any) -> tuple[Figure, Any]:
    """A figure 900 pixels wide and its axes, an array if there are several."""
    figure = Figure(figsize=(9.0, height), dpi=DOTS_PER_INCH, layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def finish(axes: Axes, title: str, x: str, y: str, legend: Any = "best") -> None:
    """Titles, labels, a faint grid, and a legend at that place of Matplotlib's (None: no legend)."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    if legend is not None:
        axes.legend(loc=legend, fontsize=8)


def picture(figure: Figure) -> Image.Image:
    """The figure, drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def save(image: Image.Image, path: Path) -> None:
    """Writes a PNG of less than `LARGEST` bytes, with as many colours as that allows.

    Raises:
        ValueError: Even 16 colours are too many.
    """
    for colours in (256, 128, 64, 16):
        buffer = io.BytesIO()
        image.quantize(colours, kmeans=3, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if len(buffer.getvalue()) < LARGEST:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(buffer.getvalue())
            return
    raise ValueError(
        f"{path.name}: {len(buffer.getvalue()):,} bytes, but a picture has less than {LARGEST:,}: draw less"
    )
