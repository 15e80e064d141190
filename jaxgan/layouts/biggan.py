"""BigGAN's generator: BigGAN-PyTorch, and StudioGAN's `big_resnet`. Only names of tensors and their shapes are theirs."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgan.config import named
from jaxgan.core.arrays import ArraySpec
from jaxgan.layouts.converted import Converted, image_config, labels
from jaxgan.layouts.tensors import Tensors, Tree, first_of, statistics

# In BigGAN-PyTorch 16 * ch channels in the first map; at 32 pixels, three blocks, 4.
_FIRST = {3: 4}


def biggan_pytorch(tensors: Tensors) -> Converted:
    """`G.pth` or `G_ema.pth` of BigGAN-PyTorch, with shared embeddings or without, hierarchical or not.

    Its batch norms' statistics are the running ones, or the standing ones where these were stored.
    """
    blocks = tensors.count(r"blocks\.(\d+)\.0\.conv1\.")
    names = {"theta": "query", "phi": "key", "g": "value", "o": "output"}
    parts = _Parts("linear", "output_layer.0", "output_layer.2", "conv_sc", "conv1", "conv2", names, "gamma")
    attended = {index: f"blocks.{index}.1" for index in range(blocks) if f"blocks.{index}.1.gamma" in tensors}
    return _generator(tensors, [f"blocks.{index}.0" for index in range(blocks)], attended, parts, 1e-5)


def studiogan(tensors: Tensors) -> Converted:
    """A generator of StudioGAN's `big_resnet` (BigGAN, and those built on it), whose norms are conditional."""
    count = tensors.count(r"blocks\.(\d+)\.0\.")
    blocks, attended = list[str](), dict[int, str]()
    for index in range(count):
        if f"blocks.{index}.0.sigma" in tensors:
            attended[len(blocks) - 1] = f"blocks.{index}.0"
        else:
            blocks.append(f"blocks.{index}.0")
    names = {"conv1x1_theta": "query", "conv1x1_phi": "key", "conv1x1_g": "value", "conv1x1_attn": "output"}
    parts = _Parts("linear0", "bn4", "conv2d5", "conv2d0", "conv2d1", "conv2d2", names, "sigma")
    return _generator(tensors, blocks, attended, parts, 1e-4)


class _Parts(NamedTuple):
    """What a program calls the layers."""

    linear: str
    norm: str
    to_image: str
    shortcut: str
    conv_1: str
    conv_2: str
    attention: Mapping[str, str]
    gamma: str


def _generator(
    tensors: Tensors, blocks: list[str], attended: dict[int, str], parts: _Parts, epsilon: float
) -> Converted:
    if len(blocks) not in range(3, 8):
        raise tensors.refused(f"it has {len(blocks)} blocks, not 3 to 7")
    side, first = 4 * 2 ** len(blocks), _FIRST.get(len(blocks), 16)
    rows, chunk = tensors.shape(f"{parts.linear}.weight")
    width = rows // (16 * first)
    shared_size = tensors.shape("shared.weight")[1] if "shared.weight" in tensors else 0
    gain = f"{blocks[0]}.bn1.gain.weight"
    if shared_size:
        classes, hierarchical = tensors.shape("shared.weight")[0], tensors.shape(gain)[1] > shared_size
    else:
        classes, hierarchical = tensors.shape(gain)[0], False  # an embedding for each norm
    latent_size = chunk * (len(blocks) + 1) if hierarchical else chunk

    params: Tree = {"project": tensors.first_map(parts.linear, 4, 4)}
    noted: Tree = {}
    if shared_size:
        params["shared_embedding"] = {"embedding": tensors.take("shared.weight", 2)}
    for index, block in enumerate(blocks):
        layers: Tree = {
            "conv_1": tensors.convolution(f"{block}.{parts.conv_1}"),
            "conv_2": tensors.convolution(f"{block}.{parts.conv_2}"),
            "shortcut": tensors.convolution(f"{block}.{parts.shortcut}"),
        }
        noted[f"block_{index}"] = {}
        for number in (1, 2):
            norm = f"{block}.bn{number}"
            # An embedding is (classes, channels), as the kernel of a one-hot vector is.
            read = lambda name: tensors.dense(name)["kernel"] if shared_size else tensors.take(f"{name}.weight", 2)  # noqa: E731
            layers[f"norm_{number}"] = {each: {"kernel": read(f"{norm}.{each}")} for each in ("gain", "bias")}
            noted[f"block_{index}"][f"norm_{number}"] = {"norm": _statistics(tensors, norm)}
        params[f"block_{index}"] = layers
        if index in attended:
            place = attended[index]
            attention: Tree = {
                ours: tensors.convolution(f"{place}.{theirs}") for theirs, ours in parts.attention.items()
            }
            params[f"attention_{index}"] = attention | {"gamma": tensors.take(f"{place}.{parts.gamma}").reshape(())}
    affine = (("scale", ("gain", "weight")), ("bias", ("bias",)))
    params["norm"] = {
        ours: tensors.take(first_of(tensors, [f"{parts.norm}.{each}" for each in theirs]), 1) for ours, theirs in affine
    }
    noted["norm"] = _statistics(tensors, parts.norm)
    params["to_image"] = tensors.convolution(parts.to_image)
    channels = params["to_image"]["bias"].shape[0]

    network = named(
        "BigGANGenerator",
        width=width,
        shared_size=shared_size,
        hierarchical=hierarchical,
        attention=tuple(8 * 2**index for index in attended),
        norm_epsilon=epsilon,
    )
    config = image_config("biggan_like", {"latent_size": latent_size, "num_classes": classes}, side)
    discriminator = named("BigGANDiscriminator", width=width, attention=())
    arrays = {"image": ArraySpec((side, side, channels), "float32", "image"), "label": labels(classes)}
    return Converted.of_generator(config, network, discriminator, arrays, params, noted)


def _statistics(tensors: Tensors, norm: str) -> Tree:
    """Under whatever name the variant of the norm keeps them; of so many batches that are counted they are the sums."""
    places = (("stored_mean", "stored_var"), ("bn.stored_mean", "bn.stored_var"), ("running_mean", "running_var"))
    for mean, variance in places:
        if f"{norm}.{mean}" in tensors:
            found = statistics(tensors, f"{norm}.{mean}", f"{norm}.{variance}")
            counter = f"{norm}.{'bn.' if mean.startswith('bn.') else ''}accumulation_counter"
            batches = tensors.take(counter).max(initial=0.0) if counter in tensors else 0.0
            return {name: sums / np.float32(batches or 1) for name, sums in found.items()}
    return statistics(tensors, f"{norm}.bn.running_mean", f"{norm}.bn.running_var")
