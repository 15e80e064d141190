"""The networks of the speed benchmark in PyTorch, as its users write them: layer for layer those of `jaxgan.networks`.

Initial values are PyTorch's own: they do not change the work. Maps are NCHW.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations


def spectrally_normalized(network: nn.Module, exclude: str | None = None) -> nn.Module:
    """Puts spectral norm on every weight of `network` but those of the layer called `exclude`; returns the network."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding) and name != exclude:
            parametrizations.spectral_norm(layer)
    return network


def moves(network: nn.Module, moves: bool) -> None:
    """Lets the parameters of a network have gradients, or not."""
    for parameter in network.parameters():
        parameter.requires_grad_(moves)


def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimiser along the gradient of a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# ---- DCGAN, in the layout of the Torch and PyTorch versions


def dcgan_generator(latent_size: int, width: int) -> nn.Module:
    """z (B, latent_size, 1, 1) -> images (B, 3, 64, 64)."""
    widths = [8 * width, 4 * width, 2 * width, width]
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent_size, widths[0], 4, 1, 0, bias=False)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator(width: int) -> nn.Module:
    """Images (B, 3, 64, 64) -> logits (B,)."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for inputs in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(inputs, 2 * inputs, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * inputs)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), nn.Flatten(0))


# ---- residual networks


class ConditionalBatchNorm(nn.Module):
    """Batch norm with gain and offset linear in a condition."""

    def __init__(self, features: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.gain = nn.Linear(condition, features, bias=False)
        self.bias = nn.Linear(condition, features, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, bias = self.gain(condition)[:, :, None, None], self.bias(condition)[:, :, None, None]
        return self.norm(x) * (1 + gain) + bias


class UpBlock(nn.Module):
    """norm, ReLU, nearest x2, 3x3, norm, ReLU, 3x3; shortcut 1x1, nearest x2."""

    def __init__(self, inputs: int, features: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = norm(inputs), norm(features)
        self.conv_1 = nn.Conv2d(inputs, features, 3, padding=1)
        self.conv_2 = nn.Conv2d(features, features, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, features, 1)

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        h = self.conv_1(F.interpolate(F.relu(self.norm_1(x, *condition)), scale_factor=2))
        h = self.conv_2(F.relu(self.norm_2(h, *condition)))
        return h + F.interpolate(self.shortcut(x), scale_factor=2)


class DownBlock(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, average pool; shortcut average pool, 1x1, or the identity."""

    def __init__(self, inputs: int, features: int, downsample: bool, preactivate: bool) -> None:
        super().__init__()
        self.downsample, self.preactivate = downsample, preactivate
        self.conv_1 = nn.Conv2d(inputs, features, 3, padding=1)
        self.conv_2 = nn.Conv2d(features, features, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, features, 1) if downsample else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_2(F.relu(self.conv_1(F.relu(x) if self.preactivate else x)))
        if self.downsample:
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        return h + self.shortcut(x)


class ResNetGenerator(nn.Module):
    """SNGAN's CIFAR generator: z (B, latent_size) -> images (B, 3, 32, 32)."""

    def __init__(self, latent_size: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(latent_size, 16 * width)
        self.blocks = nn.ModuleList([UpBlock(width, width, nn.BatchNorm2d) for _ in range(3)])
        self.norm = nn.BatchNorm2d(width)
        self.to_image = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.project(z).view(len(z), -1, 4, 4)
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.to_image(F.relu(self.norm(x))))


class ResNetDiscriminator(nn.Module):
    """SNGAN's and BigGAN's discriminator at 32 pixels: images (B, 3, 32, 32) [, labels (B,)] -> logits (B,)."""

    def __init__(self, width: int, num_classes: int | None = None) -> None:
        super().__init__()
        widths = (3, width, width, width, width)
        self.blocks = nn.Sequential(*[DownBlock(widths[i], width, i < 2, i > 0) for i in range(4)])
        self.logit = nn.Linear(width, 1)
        if num_classes is not None:
            self.class_embedding = nn.Embedding(num_classes, width)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        h = F.relu(self.blocks(x)).sum((2, 3))
        logits = self.logit(h)[:, 0]
        return logits if label is None else logits + (self.class_embedding(label) * h).sum(1)


class BigGANGenerator(nn.Module):
    """BigGAN's generator at 32 pixels: z (B, latent_size), labels (B,) -> images (B, 3, 32, 32)."""

    def __init__(self, latent_size: int, width: int, num_classes: int, shared_size: int) -> None:
        super().__init__()
        chunk = latent_size // 4
        self.shared_embedding = nn.Embedding(num_classes, shared_size)
        self.project = nn.Linear(chunk, 16 * width)
        self.blocks = nn.ModuleList(
            [UpBlock(width, width, lambda size: ConditionalBatchNorm(size, shared_size + chunk)) for _ in range(3)]
        )
        self.norm = nn.BatchNorm2d(width)
        self.to_image = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        first, *chunks = z.chunk(4, dim=1)
        embedding = self.shared_embedding(label)
        x = self.project(first).view(len(z), -1, 4, 4)
        for block, chunk in zip(self.blocks, chunks, strict=True):
            x = block(x, torch.cat([embedding, chunk], dim=1))
        return torch.tanh(self.to_image(F.relu(self.norm(x))))


# ---- CycleGAN


class TranslatorBlock(nn.Module):
    """Reflection, 3x3, instance norm, ReLU, reflection, 3x3, instance norm, added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *[nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(inplace=True)],
            *[nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)],
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def translator(width: int, blocks: int) -> nn.Module:
    """CycleGAN's generator: images (B, 3, H, W) -> images (B, 3, H, W)."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)]
    layers += [nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]
    for inputs in (width, 2 * width):
        layers += [nn.Conv2d(inputs, 2 * inputs, 3, 2, 1), nn.InstanceNorm2d(2 * inputs), nn.ReLU(inplace=True)]
    layers += [TranslatorBlock(4 * width) for _ in range(blocks)]
    for inputs in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(inputs, inputs // 2, 3, 2, 1, output_padding=1)]
        layers += [nn.InstanceNorm2d(inputs // 2), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def patch_discriminator(width: int) -> nn.Module:
    """The 70x70 PatchGAN: images (B, 3, H, W) -> a map of logits (B, 1, H', W')."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for inputs, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [nn.Conv2d(inputs, 2 * inputs, 4, stride, 1), nn.InstanceNorm2d(2 * inputs)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))
