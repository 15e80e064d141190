"""sg2im's networks: a message along each relation by hand, and a cascade of sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks
from jaxgan.core.scene_graph import encode
from jaxgan.errors import UserError


def relu(x):
    return np.maximum(x, 0)


@pytest.fixture(scope="module")
def graph_network():
    """The network with its parameters, and (graph, noise) -> its answers."""
    network = networks.SceneGraphNetwork(width=3, rounds=2, mask_size=2)
    graph = encode([4, 10, None], [(0, 2, 1)])[None]
    params = network.init(jax.random.key(0), graph, jnp.zeros((1, 3, 2)))["params"]
    # Biases of zero would hide a term that is left out.
    leaves, tree = jax.tree.flatten(params)
    random = np.random.default_rng(0)
    params = tree.unflatten([jnp.asarray(random.normal(size=leaf.shape), jnp.float32) for leaf in leaves])
    return params, jax.jit(lambda graph, noise: network.apply({"params": params}, graph, noise))


def test_one_relation_by_hand(graph_network):
    params, call = graph_network
    graph, noise = encode([4, 10, None], [(0, 2, 1)])[None], np.random.default_rng(1).normal(size=(1, 3, 2))
    boxes, masks, vectors = (np.asarray(part)[0] for part in call(graph, noise.astype(np.float32)))

    def dense(name, x):
        return np.asarray(x, np.float64) @ np.asarray(params[name]["kernel"]) + np.asarray(params[name]["bias"])

    four, frame = (dense("kinds", np.eye(11)[kind]) for kind in (4, 10))
    for index in range(2):
        triple = np.concatenate([four, [0, 0, 1], frame])  # subject, "inside", object
        message = relu(dense(f"relation_{index}", relu(dense(f"relation_{index}_hidden", triple))))
        heard = message[:3], message[3:]  # for the subject, and for the object; each has one relation to average
        hidden = [relu(dense(f"object_{index}_hidden", [*x, *m])) for x, m in zip((four, frame), heard, strict=True)]
        four, frame = (x + dense(f"object_{index}", h) for x, h in zip((four, frame), hidden, strict=True))
    for slot, x in enumerate((four, frame)):
        np.testing.assert_allclose(vectors[slot], [*x, *noise[0, slot]], rtol=1e-4)
        out = 1 / (1 + np.exp(-dense("box", relu(dense("box_hidden", x)))))
        expected = [out[0] - out[2] / 2, out[1] - out[3] / 2, out[0] + out[2] / 2, out[1] + out[3] / 2]
        np.testing.assert_allclose(boxes[slot], expected, rtol=1e-4, atol=1e-5)
        logits = dense("mask", relu(dense("mask_hidden", vectors[slot]))).reshape(2, 2)
        np.testing.assert_allclose(masks[slot], logits, rtol=1e-3, atol=1e-4)
    assert not boxes[2].any() and not vectors[2].any()


def test_an_object_takes_the_mean_of_what_it_hears(graph_network):
    """From two subjects alike it hears what it hears from one."""
    _, call = graph_network
    noise = np.zeros((1, 3, 2), np.float32)
    one = call(encode([4, None, 7], [(0, 0, 2)])[None], noise)[2][0, 2]
    both = call(encode([4, 4, 7], [(0, 0, 2), (1, 0, 2)])[None], noise)[2][0, 2]
    np.testing.assert_allclose(one, both, rtol=1e-4, atol=1e-4)


def test_objects_without_rounds_know_nothing_of_each_other():
    noise, graphs = jnp.zeros((2, 3, 2)), np.stack([encode([1, 2, 3], [(0, 0, 1)]), encode([1, 5, None], [(1, 1, 0)])])
    network = networks.SceneGraphNetwork(width=3, rounds=0)
    (boxes, _, _), _ = network.init_with_output(jax.random.key(0), graphs, noise)
    np.testing.assert_array_equal(boxes[0, 0], boxes[1, 0])
    assert (np.asarray(boxes)[0, 1] != np.asarray(boxes)[0, 0]).any()


def test_the_order_of_objects_means_nothing(graph_network):
    _, call = graph_network
    noise, order = np.random.default_rng(2).normal(size=(1, 3, 2)).astype(np.float32), [2, 0, 1]
    here = call(encode([4, 10, 7], [(0, 2, 1), (2, 0, 1)])[None], noise)
    there = call(encode([7, 4, 10], [(1, 2, 2), (0, 0, 2)])[None], noise[:, order])
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one[:, order], other, rtol=1e-4, atol=1e-5)


def test_the_cascade_doubles_its_maps_up_to_the_image():
    network = networks.CascadedRefinementGenerator(output_shape=(16, 8, 1), widths=(5, 4, 3))
    image, variables = jax.eval_shape(network.init_with_output, jax.random.key(1), jnp.zeros((2, 16, 8, 6)))
    assert image.shape == (2, 16, 8, 1)
    kernels = {name: layer["kernel"].shape for name, layer in variables["params"].items() if "kernel" in layer}
    # Each module sees the layout's six features beside the five, or four, of the module before.
    assert kernels == {
        "conv_0_0": (3, 3, 6, 5), "conv_0_1": (3, 3, 5, 5), "conv_1_0": (3, 3, 11, 4), "conv_1_1": (3, 3, 4, 4),
        "conv_2_0": (3, 3, 10, 3), "conv_2_1": (3, 3, 3, 3), "to_image": (1, 1, 3, 1),
    }  # fmt: skip


def test_the_cascade_refuses_sizes_that_it_cannot_reach():
    network = networks.CascadedRefinementGenerator(output_shape=(12, 12, 1), widths=(2, 2, 2, 2))
    with pytest.raises(
        UserError, match="CascadedRefinementGenerator doubles its first map 3 times, but 12x12 is no mult"
    ):
        jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 12, 12, 3)))
