"""Drawing: grids of images, scatter plots, curves and animations, each small enough to be looked at anywhere."""

import io
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.files import atomically
from jaxgan.foreign import open_picture

# The largest picture, in bytes, and the side that a grid is kept to, in pixels.
LARGEST = 300_000
_SIDE = 1024
_SMALL = 48  # smaller images are enlarged to about this many pixels
_GROUND = 96  # the grey behind grids
EMPTY = _GROUND / 127.5 - 1.0  # the value of an image that is not to be seen on it
_NAME = 14  # letters of a row's name, at most
_FIELD = 64  # points along each axis at which a discriminator's field is taken
_LAYERS = "layers/"  # what the names of values begin with that a layer has
_FRAMES, _FRAME_MS, _LAST_FRAME_MS = 24, 150, 2000  # of an animation


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] as bytes: floor(127.5 x + 128), clipped, the inverse of x / 127.5 - 1."""
    return np.clip(np.floor(127.5 * np.asarray(images, np.float64) + 128.0), 0, 255).astype(np.uint8)


def from_uint8(pixels: np.ndarray) -> np.ndarray:
    """Bytes as images in [-1, 1], float32: x / 127.5 - 1."""
    return pixels.astype(np.float32) / 127.5 - 1.0


def to_image(pixels: np.ndarray) -> Image.Image:
    """A picture of uint8 (H, W, C); of channels that are not grey, RGB or RGBA, the first is shown."""
    return Image.fromarray(pixels if pixels.shape[2] in (3, 4) else pixels[:, :, 0])


def columns_for(image_shape: Sequence[int], most: int = 8) -> int:
    """How many images of a shape (H, W, C) stand side by side: 8, or fewer large ones, but 2 at least."""
    return max(2, min(most, _SIDE // max(image_shape[:2])))


def grid(
    images: np.ndarray,
    columns: int,
    names: Sequence[str] = (),
    letters: int = _NAME,
    headings: Sequence[str] = (),
) -> Image.Image:
    """Images (N, H, W, C) in [-1, 1], row by row, on a grey ground; small ones are enlarged pixel by pixel.

    Args:
        images: The images.
        columns: How many stand side by side.
        names: Of the rows, which are written at their left; () for none.
        letters: Of a name that are written, at most.
        headings: Of the columns, which are written above them as far as there is room; () for none.
    """
    number, height, width, channels = images.shape
    scale, gap = max(1, _SMALL // max(height, width)), 2
    height, width = height * scale, width * scale
    pixels = to_uint8(images).repeat(scale, axis=1).repeat(scale, axis=2)
    rows = -(-number // columns)
    canvas = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), _GROUND, np.uint8)
    for index, image in enumerate(pixels):
        top, left = gap + index // columns * (height + gap), gap + index % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    whole = _with_headings(to_image(canvas), headings, width + gap) if headings else to_image(canvas)
    return _with_names(whole, names, height + gap, letters, whole.height - len(canvas)) if names else whole


def _with_names(picture: Image.Image, names: Sequence[str], row: int, letters: int, top: int) -> Image.Image:
    """A picture with a name at the left of each of its rows, which are `row` pixels high and begin at `top`."""
    font = ImageFont.load_default()
    short = [_cut(name, letters) for name in names]
    margin = max(math.ceil(font.getlength(name)) for name in short) + 6
    canvas, white = _framed(picture, margin, 0)
    draw = ImageDraw.Draw(canvas)
    for index, name in enumerate(short):
        draw.text((4, top + index * row + row // 2), name, white, font, anchor="lm")
    return canvas


def _with_headings(picture: Image.Image, headings: Sequence[str], column: int) -> Image.Image:
    """A picture with a name above each of its columns, which are `column` pixels wide; a name that is wider is cut off."""
    font, draw = ImageFont.load_default(), ImageDraw.Draw(picture)
    boxes = [
        draw.textbbox((0, 0), name, font, anchor="ms") for name in headings
    ]  # about the line that letters stand on
    line = 2 + math.ceil(-min(box[1] for box in boxes))
    canvas, white = _framed(picture, 0, line + math.ceil(max(box[3] for box in boxes)) + 1)
    draw = ImageDraw.Draw(canvas)
    for index, name in enumerate(headings):
        fitting = (_cut(name, letters) for letters in range(len(name), 2, -1))
        short = next((each for each in fitting if font.getlength(each) <= column - 2), _cut(name, 3))
        draw.text((index * column + column // 2, line), short, white, font, anchor="ms")
    return canvas


def _cut(name: str, letters: int) -> str:
    return name if len(name) <= letters else f"{name[: letters - 2]}.."


def _framed(picture: Image.Image, left: int, top: int) -> tuple[Image.Image, tuple[int, ...]]:
    """A picture with so many pixels of grey ground at its left and above it, and white in its colours."""
    opaque = [255] * (len(picture.getbands()) - 3)  # of RGBA
    white, ground = ((shade,) * min(3, len(picture.getbands())) + tuple(opaque) for shade in (255, _GROUND))
    canvas = Image.new(picture.mode, (picture.width + left, picture.height + top), ground)
    canvas.paste(picture, (left, top))
    return canvas, white


def common_shape(arrays: Sequence[np.ndarray]) -> tuple[int, int, int]:
    """The largest height, width and number of channels (H, W, C) of several arrays of images."""
    height, width, channels = (max(array.shape[axis] for array in arrays) for axis in (1, 2, 3))
    return height, width, channels


def alike(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Arrays of images (N, H, W, C) of several shapes in one shape: smaller ones enlarged, grey ones of equal channels."""
    height, width, channels = common_shape(arrays)
    shown = []
    for array in arrays:
        # The nearest pixel; where a size is a multiple of the other, each pixel becomes a block.
        rows, columns = np.arange(height) * array.shape[1] // height, np.arange(width) * array.shape[2] // width
        enlarged = array[:, rows][:, :, columns]
        if array.shape[3] < channels:
            opaque = np.ones((*enlarged.shape[:3], channels - 3), enlarged.dtype) if channels == 4 else None
            colours = enlarged if array.shape[3] == 3 else enlarged[..., :1].repeat(min(channels, 3), axis=3)
            enlarged = colours if opaque is None else np.concatenate([colours, opaque], axis=3)
        shown.append(enlarged)
    return shown


def as_colours(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) as RGB, (N, H, W, 3): of channels that are neither RGB nor RGBA, the first is shown."""
    return images[..., :3] if images.shape[3] >= 3 else images[..., :1].repeat(3, axis=3)


def looking(images: np.ndarray, seen: np.ndarray, row: float, column: float) -> np.ndarray:
    """Samples with what one of their pixels looks at: them in dim grey, red where it looks, and the pixel itself in green.

    Args:
        images: (N, H, W, C) in [-1, 1].
        seen: Of the same shape: 1 where it looks most, -1 where not at all.
        row: The pixel's place from the top, in [0, 1).
        column: And from the left.

    Returns:
        (N, H, W, 3) in [-1, 1].
    """
    grey = as_colours(images).mean(axis=3, keepdims=True)
    dim = np.repeat(0.6 * (grey + 1) - 1, 3, axis=3)
    heat = (as_colours(seen)[..., :1] + 1) / 2
    shown = dim * (1 - heat) + heat * np.array([1.0, -1.0, -1.0])
    _, height, width, _ = images.shape
    thick, wide = max(1, height // 32), max(1, width // 32)
    top, left = int(row * height), int(column * width)
    shown[:, top : top + thick, left : left + wide] = [-1.0, 1.0, -1.0]
    return shown


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures with a white gap between them."""
    canvas = Image.new(left.mode, (left.width + 12 + right.width, max(left.height, right.height)), "white")
    canvas.paste(left, (0, 0))
    canvas.paste(right, (left.width + 12, 0))
    return canvas


def density(
    real: np.ndarray | None, fake: np.ndarray, field: Callable[[np.ndarray], np.ndarray] | None = None
) -> Image.Image:
    """Samples of a toy density, over those of the data if there are any, over what the discriminator says of the place.

    Args:
        real: Data, points (N, 2) for a scatter plot or (N, 1) for a histogram; None: only samples.
        fake: Samples, points of the same kind.
        field: The discriminator's logits (M,) of points (M, 2) or (M, 1), float32; drawn as filled contours, light where
            it says fake, or as a curve with an axis of its own. None: not drawn.
    """
    # matplotlib takes a second to import, which nobody else should wait for; and pyplot would keep every figure.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 if field is None else 5.3, 4.5), layout="constrained")
    axes = top = figure.subplots()
    shown = fake if real is None else real
    low, high = shown.min(axis=0), shown.max(axis=0)
    low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    axes.set_xlim(low[0], high[0])
    sets = ([] if real is None else [(real, "0.5", "data")]) + [(fake, "C3", "samples")]
    x = np.linspace(low[0], high[0], _FIELD, dtype=np.float32)
    if fake.shape[1] == 1:
        bins = np.linspace(low[0], high[0], 60).tolist()
        for points, colour, label in sets:
            axes.hist(points[:, 0], bins, density=True, color=colour, alpha=0.7, label=label)
        if field is not None:
            top = axes.twinx()
            top.plot(x, field(x[:, None]), color="C0")
            top.set_ylabel("discriminator's logit", color="C0")
    else:
        axes.set_ylim(low[1], high[1])
        axes.set_aspect("equal")
        if field is not None:
            x, y = np.meshgrid(x, np.linspace(low[1], high[1], _FIELD, dtype=np.float32))
            logits = field(np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(x.shape)
            # Far from the data a discriminator goes to extremes, which would hide what it says near them.
            faint, strong = np.percentile(logits, [5, 95])
            if faint < strong:  # a flat field has no contours
                levels, logits = np.linspace(faint, strong, 11), np.clip(logits, faint, strong)
                # Up to the middle of the colour map, so that points stand out on all of it.
                contours = axes.contourf(x, y, logits, levels, cmap="Blues", vmin=faint, vmax=2.0 * strong - faint)
                figure.colorbar(contours, label="discriminator's logit", shrink=0.9, format="%.2g")
        for points, colour, label in sets:
            axes.scatter(points[:, 0], points[:, 1], s=3, color=colour, alpha=0.6, linewidths=0, label=label)
    top.legend(*axes.get_legend_handles_labels(), loc="upper right", markerscale=4)
    return _render(figure)


def curves(lines: Sequence[Mapping[str, Any]]) -> Image.Image:
    """The lines of a metrics.jsonl: a panel for each quantity, in it a curve for each turn or player.

    Names are "turn/quantity", or "quantity" for evaluations. Quantities that begin with the same word share a panel:
    "d_real" and "d_fake", "digit_fd" and "digit_fd_floor". What is said of each layer has a picture of its own, `layers`.
    """
    from matplotlib.figure import Figure

    panels = curve_panels(lines)
    columns = min(3, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(4.2 * columns, 2.6 * rows), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, title in itertools.zip_longest(every, panels):
        if title is None:
            axes.set_axis_off()
            continue
        for name, points in panels[title].items():
            steps, values = zip(*points, strict=True)
            marker = "" if len(steps) > 20 else "."
            axes.plot(steps, values, linewidth=0.9, marker=marker, label=name)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=6)
        axes.grid(alpha=0.3)
    return _render(figure)


def curve_panels(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The curves of the lines of a metrics.jsonl, points (step, value) by name, in the panels that `curves` draws, by title."""
    series: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        for name, value in line.items():
            told = name in ("step", "images", "seconds", "images_per_second") or name.startswith(_LAYERS)
            if value is not None and not told:
                series.setdefault(name, []).append((line["step"], value))
    panels: dict[str, list[str]] = {"loss": []}
    for name in series:
        panels.setdefault(name.rsplit("/", 1)[-1].split("_")[0], []).append(name)
    return {
        ", ".join(sorted({name.rsplit("/", 1)[-1] for name in names})): {name: series[name] for name in names}
        for names in panels.values()
        if names
    }


def layers(lines: Sequence[Mapping[str, Any]]) -> Image.Image | None:
    """What the lines of a metrics.jsonl say of each layer: a row for each player, a panel for each quantity; None for nothing.

    Names are "layers/quantity/player/layer". A curve is a layer, from dark to light in the order of names.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    panels: dict[tuple[str, str], dict[str, list[tuple[int, float]]]] = {}
    for line in lines:
        for name, value in line.items():
            if name.startswith(_LAYERS) and value is not None:
                quantity, player, layer = name.removeprefix(_LAYERS).split("/", 2)
                panels.setdefault((player, quantity), {}).setdefault(layer, []).append((line["step"], value))
    if not panels:
        return None
    players, quantities = ([*dict.fromkeys(each)] for each in zip(*panels, strict=True))
    figure = Figure(figsize=(4.2 * len(quantities), 3.0 * len(players)), layout="constrained")
    every = figure.subplots(len(players), len(quantities), squeeze=False)
    for (player, quantity), series in panels.items():
        axes = every[players.index(player), quantities.index(quantity)]
        ordered = sorted(series, key=_in_numbers)
        for index, layer in enumerate(ordered):
            steps, values = zip(*series[layer], strict=True)
            shade = colormaps["viridis"](0.9 * index / max(1, len(ordered) - 1))
            label = layer if index in (0, len(ordered) - 1) else None
            axes.plot(steps, values, linewidth=0.9, color=shade, marker="." if len(steps) < 20 else "", label=label)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
        axes.set_title(f"{player}: {quantity}", fontsize=9)
        axes.tick_params(which="both", labelsize=7)
        axes.legend(fontsize=6)
        axes.grid(alpha=0.3)
    return _render(figure)


def _in_numbers(name: str) -> list[Any]:
    """What names are sorted by: "block_10" after "block_9"."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _render(figure: Any) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def save(image: Image.Image, path: Path) -> None:
    """Writes a PNG, made smaller until it is no larger than `LARGEST` bytes."""
    while len(data := _encoded(image, "PNG", optimize=True)) > LARGEST:
        image = _shrunk(image, math.sqrt(LARGEST / len(data)))
    with atomically(path) as temporary:
        temporary.write_bytes(data)


def animate(frames: Sequence[Path], path: Path) -> None:
    """Writes PNG files as an animated GIF that rests on the last one, all as small as the smallest; of more than 24 files some,
    evenly chosen."""
    images = []
    for index in np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)):
        with open_picture(str(frames[round(index)])) as frame:
            images.append(frame.convert(frame.mode))
    # `save` has made each smaller by a factor of its own, and a GIF would put a smaller one into the corner of the first.
    size = min((image.size for image in images), key=math.prod)
    images = [image if image.size == size else image.resize(size, Image.Resampling.LANCZOS) for image in images]
    save_animation(images, path, rest_ms=_LAST_FRAME_MS)


def save_animation(
    frames: Sequence[Image.Image],
    path: Path,
    rest_ms: int = _FRAME_MS,
    frame_ms: int = _FRAME_MS,
    largest: int = LARGEST,
) -> None:
    """Writes pictures of one size as an animated GIF, made smaller until it is no larger than `largest` bytes.

    Args:
        frames: In order.
        path: The file.
        rest_ms: How long the last one stays, in milliseconds.
        frame_ms: How long the others do.
        largest: Bytes, at most.
    """
    images = [frame.convert("L" if frame.mode == "L" else "RGB") for frame in frames]
    durations = [frame_ms] * (len(images) - 1) + [rest_ms]
    while True:
        # GIF packs few colours far better than many, and a digit needs few.
        first, *others = [image.quantize(16 if image.mode == "L" else 64) for image in images]
        data = _encoded(first, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
        if len(data) <= largest:
            break
        images = [_shrunk(image, math.sqrt(largest / len(data))) for image in images]
    with atomically(path) as temporary:
        temporary.write_bytes(data)


def _encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _shrunk(image: Image.Image, factor: float) -> Image.Image:
    factor = min(0.95 * factor, 0.95)
    size = (max(1, int(image.width * factor)), max(1, int(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)
