"""StyleGAN2-ADA's generator, as its program in PyTorch names its tensors. Only names and shapes are theirs.

The published files are pickles that hold the program itself, and are not read: where the program is at hand, save the tensors
alone, `torch.save(G_ema.state_dict(), "G_ema.pth")`.
"""

import math

import numpy as np

from jaxgan.config import named
from jaxgan.core.arrays import ArraySpec
from jaxgan.layouts.converted import Converted, image_config, labels
from jaxgan.layouts.tensors import Tensors, Tree

# The learning rate of the mapping, by which its weights are stored larger; the program's default, and that of all its configs.
_MAPPING_RATE = 0.01


def stylegan2_ada(tensors: Tensors) -> Converted:
    """A state dict of `G` or `G_ema` of StyleGAN2-ADA, of the structures "skip" and "resnet".

    Weights are stored with unit variance, and scaled as the layers scale them. The constant noise of a file is left out: noise
    is drawn, or another constant.
    """
    powers = range(2, tensors.count(r"synthesis\.b(\d+)\.").bit_length())
    sizes = [2**power for power in powers if f"synthesis.b{2**power}.conv1.weight" in tensors]
    if not sizes or sizes != [4 * 2**index for index in range(len(sizes))]:
        raise tensors.refused("it has no synthesis.b4, b8, ...")
    channels = {size: tensors.shape(f"synthesis.b{size}.conv1.weight")[0] for size in sizes}
    largest = max(channels.values())
    narrow = [width * size // 2 for size, width in channels.items() if width < largest]
    structure = "residual" if any(f"synthesis.b{size}.skip.weight" in tensors for size in sizes) else "skip"

    mapping, latent_size, classes = _mapping(tensors)
    synthesis: Tree = {"constant": tensors.take("synthesis.b4.const", 3).transpose(1, 2, 0)}
    for size in sizes:
        block = f"synthesis.b{size}"
        for theirs, ours in (("conv0", f"conv_{size}_up"), ("conv1", f"conv_{size}")):
            if size == 4 and theirs == "conv0":
                continue
            kernel = tensors.take(f"{block}.{theirs}.weight", 4).transpose(2, 3, 1, 0)
            # Where the map is doubled, that program turns the kernel round.
            kernel = kernel[::-1, ::-1] if theirs == "conv0" else kernel
            synthesis[ours] = {
                "kernel": np.ascontiguousarray(kernel),
                "style": _dense(tensors, f"{block}.{theirs}.affine"),
            }
            synthesis[f"{ours}_noise"] = tensors.take(f"{block}.{theirs}.noise_strength", 0)
            synthesis[f"{ours}_bias"] = tensors.take(f"{block}.{theirs}.bias", 1)
        if structure == "skip" or size == sizes[-1]:
            kernel = tensors.take(f"{block}.torgb.weight", 4).transpose(2, 3, 1, 0)
            style = _dense(tensors, f"{block}.torgb.affine")
            synthesis[f"to_rgb_{size}"] = {"kernel": kernel / np.float32(math.sqrt(kernel.shape[2])), "style": style}
            synthesis[f"to_rgb_{size}_bias"] = tensors.take(f"{block}.torgb.bias", 1)
        if structure == "residual" and size > 4:
            kernel = tensors.take(f"{block}.skip.weight", 4).transpose(2, 3, 1, 0)
            synthesis[f"skip_{size}"] = {"kernel": kernel / np.float32(math.sqrt(kernel.shape[2]))}
    mean = tensors.take("mapping.w_avg", 1)

    network = named(
        "StyleGAN2Generator",
        base_width=max(narrow, default=largest * sizes[-1] // 2),
        max_width=largest,
        style_width=len(mean),
        mapping_layers=sum(name.startswith("dense_") for name in mapping),
        structure=structure,
    )
    config = image_config(
        "stylegan2", {"latent_size": latent_size, "conditional": classes > 0, "path_weight": 0.0}, sizes[-1]
    )
    image_channels = len(synthesis[f"to_rgb_{sizes[-1]}_bias"])
    arrays = {"image": ArraySpec((sizes[-1], sizes[-1], image_channels), "float32", "image")}
    if classes:
        arrays["label"] = labels(classes)
    return Converted.of_generator(
        config,
        network,
        named("StyleGANDiscriminator", base_width=64, max_width=8),
        arrays,
        {"mapping": mapping, "synthesis": synthesis},
        memory={"w_mean": mean},
        more=("map", "synthesize", "invert"),
    )


def _mapping(tensors: Tensors) -> tuple[Tree, int, int]:
    """The mapping network, the size of z, and the number of classes."""
    layers = tensors.count(r"mapping\.fc(\d+)\.")
    tree = {f"dense_{index}": _dense(tensors, f"mapping.fc{index}", _MAPPING_RATE) for index in range(layers)}
    if not layers:
        raise tensors.refused("it has no mapping.fc0")
    inputs = len(tree["dense_0"]["kernel"])
    if "mapping.embed.weight" not in tensors:
        return tree, inputs, 0
    embed = _dense(tensors, "mapping.embed")  # of a one-hot vector: a row for each class
    tree["class_embedding"] = {"embedding": embed["kernel"] + embed["bias"]}
    return tree, inputs - embed["kernel"].shape[1], len(embed["kernel"])


def _dense(tensors: Tensors, name: str, rate: float = 1.0) -> Tree:
    weight = tensors.take(f"{name}.weight", 2)
    gain = np.float32(rate / math.sqrt(weight.shape[1]))
    return {"kernel": np.ascontiguousarray(weight.T) * gain, "bias": tensors.take(f"{name}.bias", 1) * np.float32(rate)}
