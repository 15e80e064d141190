"""CycleGAN's translator of residual blocks."""

from tests.layouts.published.layers import Double, State, functional, torch


def generator(width=4, blocks=2, before=3, after=3, dropout=False, running=False, seed=3):
    """Indices are those of one `Sequential`: padding, convolution, norm, ReLU, and so on."""
    state, second = State(seed), 6 if dropout else 5
    state.layer("model.1", width, before, 7, 7)
    for number, index in enumerate((4, 7)):
        state.layer(f"model.{index}", width * 2 ** (number + 1), width * 2**number, 3, 3)
    for index in range(10, 10 + blocks):
        for place in (1, second):
            state.layer(f"model.{index}.conv_block.{place}", 4 * width, 4 * width, 3, 3)
            if running:
                name, channels = f"model.{index}.conv_block.{place + 1}", 4 * width
                state.batch_norm(name, channels, affine=False)
    ups = (10 + blocks, 13 + blocks)
    for number, index in enumerate(ups):
        wide = 4 * width // 2**number
        state.layer(f"model.{index}", wide, wide // 2, 3, 3, outputs=wide // 2)
    state.layer(f"model.{17 + blocks}", after, width, 7, 7)

    def run(x):
        p = Double(state.tensors)

        def conv(name, x, reflected, **settings):
            x = functional.pad(x, (reflected,) * 4, mode="reflect") if reflected else x
            return functional.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"], **settings)

        x = torch.relu(functional.instance_norm(conv("model.1", x, 3)))
        for index in (4, 7):
            x = torch.relu(functional.instance_norm(conv(f"model.{index}", x, 0, stride=2, padding=1)))
        for index in range(10, 10 + blocks):
            h = torch.relu(functional.instance_norm(conv(f"model.{index}.conv_block.1", x, 1)))
            x = x + functional.instance_norm(conv(f"model.{index}.conv_block.{second}", h, 1))
        for index in ups:
            weight, bias = p[f"model.{index}.weight"], p[f"model.{index}.bias"]
            x = functional.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
            x = torch.relu(functional.instance_norm(x))
        return torch.tanh(conv(f"model.{17 + blocks}", x, 3))

    return state.tensors, run
