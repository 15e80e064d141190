"""What tells of one's own pictures: captions in files beside them, or an array of embeddings that any encoder has made."""

import os

import numpy as np

from jaxgan.core.arrays import ArraySpec
from jaxgan.core.text import encode
from jaxgan.data.errors import AbsentDataError, DataError
from jaxgan.data.files import FilePictures
from jaxgan.errors import UserError
from jaxgan.foreign import read_npz

FILES = "files"
LENGTH = 201  # characters of a caption, as in Reed et al. 2016 (arXiv:1605.05395); what is longer loses its end
_MOST = 64  # captions of a picture


def beside_pictures(pictures: FilePictures, text: str) -> dict[str, tuple[ArraySpec, np.ndarray]]:
    """The array "caption" or "embedding" of a folder's records: what it is, and its entries in the order of the pictures.

    A picture with fewer captions than another has its own ones more than once.

    Args:
        pictures: The pictures.
        text: "files" for captions, `name.txt` beside `name.png`, one a line: int32 (N, K, 201). Else the path of an .npz with
            an array "embedding", (N, D) or (N, K, D), as float32 (N, K, D), and perhaps "name", (N,), the pictures' paths
            below the folder, with or without their ending; without it, which splits do not allow, the pictures are in the order
            of their paths.

    Raises:
        DataError: A picture without its text; an empty caption, or one in other letters than English ones; an array that does
            not fit.
    """
    if text == FILES:
        values = _captions(pictures)
        return {"caption": (ArraySpec(values.shape[1:], "int32", "text"), values)}
    values = _embeddings(pictures, os.path.expanduser(text))
    return {"embedding": (ArraySpec(values.shape[1:], "float32", "embedding"), values)}


def _captions(pictures: FilePictures) -> np.ndarray:
    found = []
    for index in range(len(pictures)):
        where, content = pictures.beside(index, ".txt")
        if content is None:
            raise DataError(f"{pictures.where(index)} has no text {where}; write it, or set data.text=''")
        try:
            lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise DataError(f"{where} is no UTF-8 text; save it as UTF-8") from error
        if not lines:
            raise DataError(f"{where} is empty; write a caption in it, one a line")
        if len(lines) > _MOST:
            raise DataError(f"{where} has {len(lines)} captions, more than {_MOST}; leave some out")
        try:
            numbered = enumerate(lines, start=1)
            found.append([encode(line, LENGTH, f"caption {number} of {where}", cut=True) for number, line in numbered])
        except UserError as error:
            raise DataError(str(error)) from error
    most = max(map(len, found))
    return np.stack([np.stack([captions[index % len(captions)] for index in range(most)]) for captions in found])


def _embeddings(pictures: FilePictures, path: str) -> np.ndarray:
    if not os.path.exists(path):
        raise AbsentDataError(
            f"data.text={path!r} is neither {FILES!r} nor a file; make it, or set data.text={FILES!r}"
        )
    try:
        arrays = read_npz(path, lambda name: name in ("embedding", "name"))
    except UserError as error:
        raise DataError(str(error)) from error
    embedding = arrays.get("embedding")
    if embedding is None or embedding.ndim not in (2, 3) or not embedding.size or embedding.dtype.kind not in "fiu":
        raise DataError(f"{path} holds no embeddings; expected an array named embedding, (N, D) or (N, K, D)")
    with np.errstate(over="ignore"):  # what is too large is refused
        values = np.asarray(embedding, np.float32).reshape(len(embedding), -1, embedding.shape[-1])
    if not np.isfinite(values).all():
        raise DataError(f"{path} holds embeddings that are not finite; make them again")
    if "name" not in arrays:
        if pictures.split:
            raise DataError(
                f"{path} holds embeddings without names, but the pictures have splits, such as {pictures.where(0)}; add an "
                "array name, the pictures' paths"
            )
        if len(values) != len(pictures):
            raise DataError(
                f"{path} holds {len(values)} embeddings, but there are {len(pictures)} pictures; add an array name, the "
                "pictures' paths, or make one for each"
            )
        return values
    if arrays["name"].shape != (len(values),):
        raise DataError(f"{path} holds {len(values)} embeddings and names {arrays['name'].shape}; give a name for each")
    place: dict[str, int] = {}
    for index, name in enumerate(os.path.splitext(str(name))[0] for name in arrays["name"]):
        if place.setdefault(name, index) != index:
            raise DataError(
                f"{path} has two embeddings of {name!a}, whatever its ending; keep one, or rename a picture"
            )
    chosen = [place.get(os.path.splitext(pictures.name(index))[0]) for index in range(len(pictures))]
    if None in chosen:
        raise DataError(f"{path} has no embedding of {pictures.name(chosen.index(None))}; add it under that name")
    return values[np.array(chosen)]
