"""The residual generators of mimicry: SNGAN, DCGAN, SSGAN, InfoMax-GAN, and cGAN-PD. Only names and shapes are theirs."""

import math

from jaxgan.config import named
from jaxgan.core.arrays import ArraySpec
from jaxgan.layouts.converted import Converted, image_config, labels
from jaxgan.layouts.tensors import Tensors, Tree, statistics


def mimicry(tensors: Tensors) -> Converted:
    """`netG_*_steps.pth` of mimicry, of images of any of its sizes.

    Its blocks are numbered from 2 on, and the last norm and convolution by the number behind them. It doubles maps by bilinear
    interpolation, where the paper repeats pixels.
    """
    blocks = list(range(2, tensors.count(r"block(\d+)\.c1\.")))
    if not blocks:
        raise tensors.refused("it has no block2.c1")
    conditional, last = "block2.b1.embed.weight" in tensors, blocks[-1] + 1
    widths = [tensors.shape(f"block{number}.c1.weight")[1] for number in blocks]
    widths.append(tensors.shape(f"block{blocks[-1]}.c1.weight")[0])
    rows, latent_size = tensors.shape("l1.weight")
    base = math.isqrt(rows // widths[0])
    side = base * 2 ** len(blocks)

    params: Tree = {"project": tensors.first_map("l1", base, base)}
    noted: Tree = {}
    classes = 0
    for index, number in enumerate(blocks):
        layers: Tree = {
            ours: tensors.convolution(f"block{number}.{theirs}")
            for ours, theirs in (("conv_1", "c1"), ("conv_2", "c2"), ("shortcut", "c_sc"))
        }
        noted[f"block_{index}"] = {}
        for each in (1, 2):
            norm = f"block{number}.b{each}"
            if conditional:
                table = tensors.take(f"{norm}.embed.weight", 2)
                classes, half = table.shape[0], table.shape[1] // 2
                layers[f"norm_{each}"] = {
                    "scale": table[:, :half],
                    "bias": table[:, half:],
                }
                found: Tree = {"norm": statistics(tensors, f"{norm}.bn.running_mean", f"{norm}.bn.running_var")}
            else:
                layers[f"norm_{each}"] = _affine(tensors, norm)
                found = statistics(tensors, f"{norm}.running_mean", f"{norm}.running_var")
            noted[f"block_{index}"][f"norm_{each}"] = found
        params[f"block_{index}"] = layers
    params["norm"] = _affine(tensors, f"b{last}")
    noted["norm"] = statistics(tensors, f"b{last}.running_mean", f"b{last}.running_var")
    params["to_image"] = tensors.convolution(f"c{last}")
    channels = params["to_image"]["bias"].shape[0]

    network = named("ResNetGenerator", widths=tuple(widths), upsampling="bilinear")
    game = {"latent_size": latent_size, "conditional": conditional} | ({"num_classes": classes} if conditional else {})
    config = image_config("sngan", game, side)
    arrays = {"image": ArraySpec((side, side, channels), "float32", "image")}
    if conditional:
        arrays["label"] = labels(classes)
    discriminator = named("ResNetDiscriminator", pooling="sum")
    return Converted.of_generator(config, network, discriminator, arrays, params, noted)


def _affine(tensors: Tensors, norm: str) -> Tree:
    return {"scale": tensors.take(f"{norm}.weight", 1), "bias": tensors.take(f"{norm}.bias", 1)}
