"""Weights of the feature networks, converted once from the well-known files: python -m jaxgan weights FILE

Nothing is downloaded here. Converted weights lie as NAME.npz in `$XDG_CACHE_HOME/jaxgan/weights`, by default
`~/.cache/jaxgan/weights`, with a SHA-256 of their numbers alone, whichever file they came from.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan import cache
from jaxgan.errors import UserError
from jaxgan.features import dinov2, inception, vgg
from jaxgan.features.foreign_files import WeightsError, read_graph, read_torch
from jaxgan.files import write_npz
from jaxgan.foreign import read_npz


class KnownFile(NamedTuple):
    """A well-known file of weights; `marker` is a tensor by which its kind is told."""

    file: str
    sha256: str
    url: str
    marker: str


# All checksums are on public record in several independent places; the names of the first three hold their first digits,
# as does that of pytorch-fid's copy of the first, `pt_inception-2015-12-05-6726825d.pth`. For TensorFlow's
# `classify_image_graph_def.pb` no checksum was found: it is converted, and said to be unverified.
KNOWN = {
    "inception": KnownFile(
        "weights-inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "Conv2d_1a_3x3.conv.weight",
    ),
    "vgg16": KnownFile(
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "features.17.weight",
    ),
    "vgg19": KnownFile(
        "vgg19-dcbb9e9d.pth",
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "features.34.weight",
    ),
    "lpips": KnownFile(
        "weights-vgg16-lpips.pth",
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-vgg16-lpips.pth",
        "lin4.model.1.weight",
    ),
    "dinov2": KnownFile(
        "dinov2_vitl14_pretrain.pth",
        "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
        "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
        "patch_embed.proj.weight",
    ),
}


def load(name: str) -> dict[str, Any]:
    """Converted weights, on the host.

    Args:
        name: "inception" for `inception.Inception`, "vgg16" for `vgg.VGG16`, "vgg19" for `vgg.content_map`, "dinov2" for
            `dinov2.DINOv2`; "lpips" for `vgg.lpips`, which takes VGG16's convolutions from "vgg16": both files must have been
            converted.

    Returns:
        The network's "params" collection, of float32 NumPy arrays.

    Raises:
        WeightsError: The weights were not converted yet, or their file is damaged.
        UserError: An unknown name.
    """
    if name == "lpips":
        arrays = {**_read("vgg16", "params/convolutions/"), **_read("lpips", "params/")}
    else:
        arrays = _read(name, "params/")
    return unflatten_dict(arrays, sep="/")["params"]


def sha256(name: str) -> str:
    """The SHA-256, in 64 hex digits, of the numbers that `load(name)` returns; for "lpips" one of both its files'.

    Raises:
        WeightsError, ValueError: as in `load`.
    """
    own = str(_read(name, "sha256")["sha256"])
    return hashlib.sha256((sha256("vgg16") + own).encode()).hexdigest() if name == "lpips" else own


def convert(path: str | Path, verify: bool = True) -> str:
    """Converts a downloaded file into the user's cache, as data: nothing in the file is run.

    Args:
        path: One of `KNOWN`'s files under any name (pytorch-fid's and LPIPS's own copies are the same files), or
            TensorFlow's `classify_image_graph_def.pb` from `inception-2015-12-05.tgz`.
        verify: Refuse a PyTorch file whose SHA-256 is not the well-known one.

    Returns:
        The network's name, for `load`.

    Raises:
        WeightsError: The file is missing, damaged, not one of these, or of another checksum. The cache is as it was.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    graph = path.suffix == ".pb"
    source = read_graph(path) if graph else read_torch(path)
    name = "inception" if graph else next((name for name, known in KNOWN.items() if known.marker in source), None)
    if name is None:
        files = ", ".join(known.file for known in KNOWN.values())
        raise WeightsError(f"{path}: weights of no network known here; expected {files} or classify_image_graph_def.pb")
    if verify and not graph and checksum != KNOWN[name].sha256:
        raise WeightsError(
            f"{path}: its SHA-256 is {checksum}, but that of {KNOWN[name].file} is {KNOWN[name].sha256}; "
            "download it again, or pass --unverified for numbers that compare with nobody's"
        )
    try:
        arrays = _from_tensors(name, source, graph)
    except KeyError as error:
        raise WeightsError(f"{path}: the weights of {name!r} lack {error}; is it another network's file?") from error
    except (ValueError, IndexError) as error:
        raise WeightsError(f"{path}: its shapes are not those of {name!r}; is it another network's file?") from error
    expected = _shapes(name)
    for key, shape in expected.items():
        if key not in arrays or arrays[key].shape != shape:
            found = arrays[key].shape if key in arrays else "missing"
            raise WeightsError(f"{path}: {key} of {name!r} is {found}, expected {shape}; is it another network's file?")
    if extra := arrays.keys() - expected.keys():
        raise WeightsError(f"{path}: {min(extra)} belongs to no layer of {name!r}; is it another network's file?")
    params = {f"params/{key}": np.ascontiguousarray(array, np.float32) for key, array in sorted(arrays.items())}
    write_npz(cache_path(name), {**params, "sha256": _digest(params), "source": f"{path.name} {checksum}"})
    return name


def origin(name: str) -> str:
    """Where the weights in the cache come from, in words.

    Raises:
        WeightsError: There are none.
    """
    notes = _read(name, "s")
    source, checksum = str(notes["source"]).rsplit(" ", 1)
    verified = "verified" if checksum == KNOWN[name].sha256 else "unverified: it is not the one on public record"
    return f"from {source}, SHA-256 {checksum} ({verified}); numbers {notes['sha256']}"


def cache_path(name: str) -> Path:
    """Where the converted weights of `name` lie, whether they are there or not.

    Raises:
        UserError: An unknown name.
    """
    if name not in KNOWN:
        raise UserError(f"weights of {name!r}: there are those of {', '.join(KNOWN)}")
    return cache.folder("weights") / f"{name}.npz"


def _from_tensors(name: str, source: Mapping[str, np.ndarray], graph: bool) -> dict[str, np.ndarray]:
    if graph:
        return inception.from_tensorflow(source)
    readers = {
        "inception": inception.from_torch,
        "vgg16": vgg.from_torch,
        "vgg19": vgg.vgg19_from_torch,
        "lpips": vgg.lpips_from_torch,
        "dinov2": dinov2.from_torch,
    }
    return readers[name](source)


def _shapes(name: str) -> dict[str, tuple[int, ...]]:
    """The shape of each of a network's parameters, by path."""
    if name == "lpips":
        return {f"linear/lin{level}": (width,) for level, width in enumerate((64, 128, 256, 512, 512))}
    networks = {"inception": inception.Inception(), "vgg16": vgg.VGG16(), "dinov2": dinov2.DINOv2()}
    network: Any = networks.get(name) or vgg.Convolutions(vgg.VGG19_WIDTHS)
    size = inception.SIZE if name == "inception" else vgg.SIZE
    variables = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, size, size, 3)))
    return {key: leaf.shape for key, leaf in flatten_dict(variables["params"], sep="/").items()}


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A SHA-256 of names, shapes and numbers."""
    digest = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        digest.update(f"{key} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _read(name: str, prefix: str) -> dict[str, np.ndarray]:
    """The arrays of a file in the cache whose names begin with `prefix`."""
    path, known = cache_path(name), KNOWN[name]
    if not path.exists():
        raise WeightsError(
            f"no weights of {name!r} at {path}: download {known.file} (SHA-256 {known.sha256}) from {known.url} and run: "
            f"python -m jaxgan weights {known.file}"
        )
    try:
        return read_npz(path, lambda key: key.startswith(prefix))
    except UserError as error:
        raise WeightsError(f"{path}: damaged or cut short; convert {known.file} again") from error
