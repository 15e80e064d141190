"""StackGAN, StackGAN++ and sg2im, transcribed from their papers' tables and their authors' programs."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from tests.parity.torch_layers import (
    batch_norm,
    check,
    conv,
    dense,
    double,
    first_map,
    flat,
    functional,
    leaky,
    torch,
)

relu = torch.relu
pytestmark = pytest.mark.slow
rng = np.random.default_rng(0)
EMBEDDING, NOISE = rng.standard_normal((3, 5)), rng.standard_normal((3, 4))


def drawn_by(moments, noise):
    """Conditioning augmentation (section 3.2): c = mu + sigma * eps, the layer giving mu and log sigma^2."""
    mean, log_variance = moments.chunk(2, 1)
    return mean + (0.5 * log_variance).exp() * noise


def normed(p, name, x, **settings):
    return batch_norm(p[f"{name}_norm"], conv(p[name], x, **settings))


def beside(x, condition):
    """The condition joined to each place of a map."""
    return torch.cat([x, condition[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


def test_stage_one(drawn):
    """Section 3.3: the condition beside z, a dense layer, and nearest-neighbour enlargements with 3x3."""

    def transcription(p, z, embedding, noise):
        condition = drawn_by(dense(p["augmentation"]["moments"], embedding), noise)
        x = first_map(p["Dense_0"], torch.cat([condition, z], 1), 3, 2)
        x = relu(batch_norm(p["project_norm"], x))
        for index in (1, 2):
            x = relu(normed(p, f"up_{index}", double(x)))
        return torch.tanh(conv(p["to_image"], x))

    network = networks.StackGANGenerator((12, 8, 3), widths=(5, 4, 3), condition_size=4)
    check(network, transcription, rng.standard_normal((3, 6)), EMBEDDING, NOISE, draw=drawn)


def test_stage_two(drawn):
    """Section 3.4: the small image encoded, the condition at each place, residual blocks, enlargements."""

    def transcription(p, image, embedding, noise):
        condition = drawn_by(dense(p["augmentation"]["moments"], embedding), noise)
        x = relu(conv(p["encode_0"], image))
        x = relu(normed(p, "encode_1", x, stride=2, padding=1))
        x = relu(normed(p, "join", beside(x, condition)))
        x = relu(x + normed(p, "block_0_2", relu(normed(p, "block_0_1", x))))
        for index in range(2):
            x = relu(normed(p, f"up_{index}", double(x)))
        return torch.tanh(conv(p["to_image"], x))

    network = networks.StackGANRefiner((16, 8, 3), encoder_widths=(3, 4), blocks=1, widths=(4, 3), condition_size=4)
    check(network, transcription, rng.standard_normal((3, 8, 4, 3)), EMBEDDING, NOISE, draw=drawn)


def gated(x):
    """A gated linear unit: the second half of the features opens or shuts the first."""
    value, gate = x.chunk(2, 1)
    return value * torch.sigmoid(gate)


def test_the_tree_of_generators(drawn):
    """StackGAN++, section 4, layers of the authors' program: images of two sizes of one trunk."""

    def transcription(p, z, embedding, noise):
        condition = drawn_by(gated(dense(p["augmentation"]["moments"], embedding)), noise)
        x = first_map(p["project"], torch.cat([condition, z], 1), 3, 2)
        x = gated(batch_norm(p["project_norm"], x))
        x = gated(normed(p, "up_1", double(x)))
        small = torch.tanh(conv(p["to_image_0"], x))
        x = gated(normed(p, "level_1_join", beside(x, condition)))
        x = x + normed(p, "level_1_block_0_2", gated(normed(p, "level_1_block_0_1", x)))
        x = gated(normed(p, "level_1_up", double(x)))
        return torch.cat([flat(small), flat(torch.tanh(conv(p["to_image_1"], x)))], 1)

    network = networks.StackGANv2Generator((12, 8, 3), trunk_widths=(5, 4), widths=(3,), blocks=1, condition_size=4)
    check(
        network,
        transcription,
        rng.standard_normal((3, 6)),
        EMBEDDING,
        NOISE,
        draw=drawn,
        result=lambda given: jnp.concatenate([image.reshape(3, -1) for image in given[0]], axis=1),
        levels=True,
    )


@pytest.mark.parametrize(("kernel", "separate"), [(1, False), (3, True)])
def test_stackgan_discriminator(drawn, kernel, separate):
    """4x4 that halve the map, 3x3 that keeps it; the condition, through a dense layer, at each place; one number of a map."""

    def transcription(p, x, condition):
        x = leaky(conv(p["down_0"], x, stride=2, padding=1))
        x = leaky(normed(p, "down_1", x, stride=2, padding=1))
        seen = leaky(normed(p, "narrow_0", x))
        x = leaky(normed(p, "join", beside(seen, leaky(dense(p["condition"], condition)))))
        match = dense(p["logit"], flat(x))
        return torch.cat([dense(p["realness"], flat(seen)), match], 1) if separate else match[:, 0]

    network = networks.StackGANDiscriminator(
        widths=(3, 4), narrow_widths=(3,), condition_width=2, joint_kernel=kernel, separate=separate
    )
    scores = lambda given: jnp.stack([given.score, given.match], axis=1) if separate else given  # noqa: E731
    check(network, transcription, rng.standard_normal((3, 16, 8, 3)), EMBEDDING, draw=drawn, result=scores)


def test_the_graph_network(drawn):
    """Section 3: a relation makes a vector for its subject and one for its object, which takes the mean of its own."""
    network = networks.SceneGraphNetwork(width=3, rounds=2, mask_size=2)
    slots, kinds, relations = 3, 11, 3

    def transcription(p, graph, noise):
        objects = graph[:, : slots * kinds].reshape(-1, slots, kinds)
        edges = graph[:, slots * kinds :].reshape(-1, slots, slots, relations)
        x = dense(p["kinds"], objects)
        told = edges.sum(3)
        for index in range(2):
            heard = [0 * x[:, 0] for _ in range(slots)]
            for subject in range(slots):
                for other in range(slots):
                    triple = torch.cat([x[:, subject], edges[:, subject, other], x[:, other]], 1)
                    message = relu(dense(p[f"relation_{index}_hidden"], triple))
                    message = told[:, subject, other, None] * relu(dense(p[f"relation_{index}"], message))
                    heard[subject] = heard[subject] + message[:, :3]
                    heard[other] = heard[other] + message[:, 3:]
            number = [(told[:, one].sum(1) + told[:, :, one].sum(1)).clamp(min=1)[:, None] for one in range(slots)]
            mean = torch.stack([each / count for each, count in zip(heard, number, strict=True)], 1)
            h = relu(dense(p[f"object_{index}_hidden"], torch.cat([x, mean], 2)))
            x = x + dense(p[f"object_{index}"], h)
        box = torch.sigmoid(dense(p["box"], relu(dense(p["box_hidden"], x))))
        middle, side = box.chunk(2, 2)
        there = objects.sum(2, keepdim=True)
        boxes = there * torch.cat([middle - side / 2, middle + side / 2], 2)
        vectors = there * torch.cat([x, noise], 2)
        masks = dense(p["mask"], relu(dense(p["mask_hidden"], vectors)))
        return torch.cat([each.reshape(len(graph), -1) for each in (boxes, masks, vectors)], 1)

    # Any numbers serve: the network is the same function of them as of zeros and ones.
    graph = rng.uniform(size=(2, slots * kinds + slots * slots * relations))
    check(
        network,
        transcription,
        graph,
        rng.standard_normal((2, slots, 2)),
        draw=drawn,
        result=lambda given: jnp.concatenate([each.reshape(2, -1) for each in given], axis=1),
    )


def test_the_cascade(drawn):
    """Each module sees the layout, averaged to its size, beside what the one before made, enlarged: two 3x3 with LeakyReLU."""

    def transcription(p, layout):
        x = None
        for index, factor in enumerate((4, 2, 1)):
            seen = functional.avg_pool2d(layout, factor)
            x = seen if x is None else torch.cat([double(x), seen], 1)
            for half in range(2):
                x = leaky(batch_norm(p[f"norm_{index}_{half}"], conv(p[f"conv_{index}_{half}"], x)))
        return torch.tanh(conv(p["to_image"], x))

    network = networks.CascadedRefinementGenerator((8, 12, 3), widths=(4, 3, 2))
    check(network, transcription, rng.standard_normal((3, 8, 12, 5)), draw=drawn)
