"""Layers: convolutions, normalisation, attention, resampling and minibatch statistics."""

from flax.linen import Dense

from jaxgan.layers.attention import SelfAttention
from jaxgan.layers.conv import Conv, UpConv, check_images, convolution, up_convolution
from jaxgan.layers.minibatch import MinibatchDiscrimination, minibatch_stddev
from jaxgan.layers.norm import (
    BatchNorm,
    ClassConditionalBatchNorm,
    ConditionalBatchNorm,
    InstanceNorm,
    LayerNorm,
    pixel_norm,
)
from jaxgan.layers.rematerialise import block, rematerialised
from jaxgan.layers.resampling import (
    average_pool,
    largest,
    max_pool,
    pixel_shuffle,
    reflect_pad,
    upsample_bilinear,
    upsample_nearest,
)
from jaxgan.layers.verdict import Verdict
from jaxgan.layers.virtual_batch_norm import VirtualBatchNorm
from jaxgan.layers.weight_norm import WeightNormDense, weight_norm

__all__ = [
    "BatchNorm",
    "ClassConditionalBatchNorm",
    "ConditionalBatchNorm",
    "Conv",
    "Dense",
    "InstanceNorm",
    "LayerNorm",
    "MinibatchDiscrimination",
    "SelfAttention",
    "UpConv",
    "Verdict",
    "VirtualBatchNorm",
    "WeightNormDense",
    "average_pool",
    "block",
    "check_images",
    "convolution",
    "largest",
    "max_pool",
    "minibatch_stddev",
    "pixel_norm",
    "pixel_shuffle",
    "reflect_pad",
    "rematerialised",
    "up_convolution",
    "upsample_bilinear",
    "upsample_nearest",
    "weight_norm",
]
