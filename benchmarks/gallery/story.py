"""A toy run in a few pictures: moments of its training, on one sheet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.gallery.lesson import save

MOMENTS, COLUMNS = 6, 3
_WIDTH, _CAPTION = 300, 24  # pixels


def toy_story(frames: Sequence[Path], path: Path) -> None:
    """Puts at most six frames of a run on one sheet 900 pixels wide, each under its step.

    The first and the last are among them, and the early ones, when most happens, lie closer together.

    Args:
        frames: "samples/step_0001000.png" and others, as a run writes them, in any order.
        path: The PNG to write.

    Raises:
        ValueError: There is no frame.
    """
    frames = sorted(frames)
    if not frames:
        raise ValueError("toy_story: there are no frames; train a toy first (they are in its run's folder, samples/)")
    ranks = np.arange(min(MOMENTS, len(frames)))
    # Rounded to whole numbers, and then no two the same.
    chosen = np.maximum.accumulate(np.geomspace(1, len(frames), len(ranks)).round().astype(int) - ranks) + ranks
    pictures = []
    for number in chosen:
        with Image.open(frames[number - 1]) as frame:
            height = round(frame.height * _WIDTH / frame.width)
            pictures.append(frame.convert("RGB").resize((_WIDTH, height), Image.Resampling.LANCZOS))
    height = max(picture.height for picture in pictures) + _CAPTION
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * _WIDTH, rows * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for index, (number, picture) in enumerate(zip(chosen, pictures, strict=True)):
        left, top = index % COLUMNS * _WIDTH, index // COLUMNS * height
        sheet.paste(picture, (left, top + _CAPTION))
        step = int(frames[number - 1].stem.removeprefix("step_"))
        draw.text((left + _WIDTH // 2, top + _CAPTION // 2), f"step {step:,}", "black", font, anchor="mm")
    save(sheet, path)
