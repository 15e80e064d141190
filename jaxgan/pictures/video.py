"""Videos: GIF by Pillow, MP4 by ffmpeg or PyAV where one of them is."""

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.errors import UserError
from jaxgan.files import atomically
from jaxgan.pictures.drawing import save_animation

FORMATS = (".gif", ".mp4")
FRAMES_PER_SECOND = 25  # GIF counts in hundredths of a second, and this is four of them
_LARGEST_GIF = 8_000_000  # bytes


def check_video(option: str, path: Path) -> None:
    """Checks that a video of this name can be written here, before its frames are drawn.

    Raises:
        UserError: The name ends in no known format, or in one that nothing here writes.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--{option}={path} ends in neither {' nor '.join(FORMATS)}: rename it")
    if path.suffix.lower() == ".mp4" and not (shutil.which("ffmpeg") or importlib.util.find_spec("av")):
        raise UserError(
            f"--{option}={path}: MP4 needs ffmpeg, or pip install av; or give a name that ends in .gif, which needs neither"
        )


def save_video(frames: Sequence[Image.Image], path: Path) -> None:
    """Writes pictures of one size as a video in the format that its name ends in; see `check_video`.

    Args:
        frames: In order.
        path: The file.

    Raises:
        UserError: What writes it cannot.
    """
    if path.suffix.lower() == ".gif":
        each = 1000 // FRAMES_PER_SECOND
        save_animation(frames, path, rest_ms=each, frame_ms=each, largest=_LARGEST_GIF)
        return
    # H.264 halves the resolution of colours, so that sides are even.
    pixels = [np.asarray(frame.convert("RGB")) for frame in frames]
    height, width = pixels[0].shape[:2]
    pixels = [np.pad(each, ((0, height % 2), (0, width % 2), (0, 0)), "edge") for each in pixels]
    with atomically(path) as temporary:
        if program := shutil.which("ffmpeg"):
            _by_ffmpeg(program, pixels, temporary)
        else:
            _by_pyav(pixels, temporary)


def _by_ffmpeg(program: str, pixels: Sequence[np.ndarray], path: Path) -> None:
    height, width = pixels[0].shape[:2]
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {FRAMES_PER_SECOND} -i -"
    made = "-c:v libx264 -crf 16 -pix_fmt yuv420p -movflags +faststart -f mp4 -y"
    command = [program, "-loglevel", "error", *raw.split(), *made.split(), str(path.absolute())]
    done = subprocess.run(command, input=b"".join(each.tobytes() for each in pixels), capture_output=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:] or f"status {done.returncode}"
        raise UserError(f"ffmpeg cannot write MP4 ({said}): pip install av and take it off the PATH, or write a .gif")


def _by_pyav(pixels: Sequence[np.ndarray], path: Path) -> None:
    import av  # only where it is wanted

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"crf": "16"})
        stream.height, stream.width = pixels[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for each in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(each, format="rgb24")))
        container.mux(stream.encode(None))
