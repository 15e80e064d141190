"""From an opened picture of any kind to a uint8 array of the wanted size and channels."""

import dataclasses
import math

import numpy as np
from PIL import Image, ImageOps

from jaxgan.data.errors import DataError
from jaxgan.foreign import check_pixels

RESAMPLE = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}
RESIZE = ("cover", "stretch", "none")
CROP = ("centre", "random", "random_square")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS = tuple(_MODES)
_EXIF_ORIENTATION = 0x0112


def upright(image: Image.Image) -> Image.Image:
    """Turns the picture as its EXIF orientation asks."""
    return image if image.getexif().get(_EXIF_ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) of the picture after `upright`, from its header alone."""
    turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5  # orientations 5 to 8 exchange the axes
    return (image.width, image.height) if turned else (image.height, image.width)


def convert(image: Image.Image, channels: int) -> Image.Image:
    """Converts a picture of any mode to 8 bits and 1 (grey), 3 (RGB) or 4 (RGBA) channels.

    16-bit grey is scaled, round(v * 255 / 65535), not cut off. With 1 or 3 channels, transparency (alpha, or the
    transparent colour of a palette or PNG) is laid on white; with 4, opaque pictures get alpha 255. Grey from colour is
    the ITU-R 601 luma (Pillow's). Colour profiles are ignored.
    """
    if image.mode == "I" or image.mode.startswith("I;"):
        wide, clear = np.clip(np.asarray(image).astype(np.int64), 0, 65535), image.info.get("transparency")
        image = Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8))
        if clear is not None:  # one of 65,536 greys: looked for before it falls together with its neighbours
            image = Image.merge("LA", (image, Image.fromarray(np.where(wide == clear, 0, 255).astype(np.uint8))))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels != 4:
            white = Image.new("RGBA", image.size, (255, 255, 255, 255))
            image = Image.alpha_composite(white, image).convert("RGB")
    elif image.mode == "F":
        raise ValueError("its numbers have no known range: save it with 8 or 16 bits")
    elif image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")  # CMYK, YCbCr, palettes ... have no direct way to grey
    return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])


@dataclasses.dataclass(frozen=True)
class Transform:
    """Resize, then crop, then (height, width, channels) uint8.

    Attributes:
        image_size: Height and width of the result; None keeps each picture's own.
        load_size: Height and width before the crop; None is `image_size`. CycleGAN loads 286x286 and crops 256x256.
        resize: Which way: "cover" keeps the aspect ratio and covers `load_size` (the excess is cropped), "stretch" makes the
            picture exactly `load_size`, "none" only crops.
        crop: Which part: "centre", or, while training (the centre where no draw is given), "random", or "random_square": a part
            of the form of `image_size` and of half to all of the picture's area, as far as it fits in, resized to `image_size`
            (compare_gan's "distorted" crops of ImageNet).
        resample: A key of `RESAMPLE`; all are antialiased when shrinking, except "nearest".
        channels: Of the result: 1, 3 or 4.
    """

    image_size: tuple[int, int] | None
    load_size: tuple[int, int] | None = None
    resize: str = "cover"
    crop: str = "centre"
    resample: str = "bicubic"
    channels: int = 3

    def __call__(self, image: Image.Image, draw: np.ndarray | None, where: str) -> np.ndarray:
        """Transforms one upright picture.

        Args:
            image: A Pillow picture of any mode.
            draw: The (4,) uniform numbers of `augmentation_draws`, or None for the centre crop.
            where: What the picture is called in an error.

        Returns:
            (height, width, channels) uint8.

        Raises:
            DataError: The picture is smaller than `image_size` and may not be resized.
            OSError: It is so thin that it would become too large.
        """
        image = convert(image, self.channels)
        if self.image_size is not None and self.crop == "random_square" and draw is not None:
            image = self._part(image, draw)
        elif self.image_size is not None:
            image = self._resized(image)
            height, width = self.image_size
            spare = (image.height - height, image.width - width)
            if min(spare) < 0:
                raise too_small(where, (image.height, image.width), self.image_size)
            at = (0.5, 0.5) if draw is None or self.crop == "centre" else (draw[1], draw[2])
            # floor(u (spare + 1)) is uniform over the spare + 1 places; for u = 1/2 it is the centre.
            top, left = (int(u * (s + 1)) for u, s in zip(at, spare, strict=True))
            if spare != (0, 0):
                image = image.crop((left, top, left + width, top + height))
        pixels = np.asarray(image, np.uint8)
        return pixels.reshape(image.height, image.width, self.channels)

    def _part(self, image: Image.Image, draw: np.ndarray) -> Image.Image:
        height, width = self.image_size  # type: ignore[misc]  # it is set here
        most = min(image.height / height, image.width / width)
        least = min(most, math.sqrt(image.height * image.width / 2 / (height * width)))
        scale = least + draw[3] * (most - least)
        sides = max(1, round(height * scale)), max(1, round(width * scale))
        top, left = (
            int(u * (whole - side + 1)) for u, whole, side in zip(draw[1:3], image.size[::-1], sides, strict=True)
        )
        part = image.crop((left, top, left + sides[1], top + sides[0]))
        return part.resize((width, height), RESAMPLE[self.resample])

    def _resized(self, image: Image.Image) -> Image.Image:
        if self.resize == "none":
            return image
        height, width = self.load_size or self.image_size  # type: ignore[misc]  # image_size is set here
        if self.resize == "cover":
            # The shorter side fits exactly, the longer exceeds.
            scale = max(height / image.height, width / image.width)
            height, width = max(height, round(image.height * scale)), max(width, round(image.width * scale))
        if (width, height) == image.size:
            return image
        check_pixels(width, height)  # a thin strip would become a wide one
        return image.resize((width, height), RESAMPLE[self.resample])


def bicubic(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes uint8 (H, W, C) to (*size, C) by Pillow's bicubic filter, which is antialiased when it shrinks.

    The kernel is Keys' with a = -1/2, and at the border the weights of the pixels that are there sum to 1.
    """
    height, width = size
    channels = [Image.fromarray(pixels[:, :, index]) for index in range(pixels.shape[2])]
    shrunk = [np.asarray(channel.resize((width, height), Image.Resampling.BICUBIC)) for channel in channels]
    return np.stack(shrunk, axis=2)


def too_small(where: str, size: tuple[int, int], image_size: tuple[int, int]) -> DataError:
    """The error for a picture that a crop does not fit into."""
    return DataError(
        f"{where} is {size[0]}x{size[1]} (height x width), smaller than image_size {image_size[0]}x{image_size[1]}; "
        "set data.resize='cover' or lower data.image_size"
    )
