"""StyleGAN2-ADA's generator in PyTorch."""

from tests.layouts.published.layers import Double, State, functional, torch


def generator(sizes=(4, 8, 16), widths=(6, 6, 4), latent=5, style=5, layers=2, classes=0, structure="skip", colours=3):
    state = State(5)

    def layer(name, outputs, inputs, scale=1.0, offset=0.0):
        state.put(f"{name}.weight", outputs, inputs, scale=scale)
        state.put(f"{name}.bias", outputs, scale=0.3 * scale, offset=offset)

    if classes:
        layer("mapping.embed", style, classes)
    for index in range(layers):
        inputs = (latent + (style if classes else 0)) if index == 0 else style
        layer(f"mapping.fc{index}", style, inputs, scale=100.0)
    state.put("mapping.w_avg", style)
    for index, (size, width) in enumerate(zip(sizes, widths, strict=True)):
        block, before = f"synthesis.b{size}", widths[max(0, index - 1)]
        state.put(f"{block}.resample_filter", 4, 4)
        if size == 4:
            state.put(f"{block}.const", width, 4, 4)
        for name, inputs in (("conv0", before), ("conv1", width)):
            if size == 4 and name == "conv0":
                continue
            state.put(f"{block}.{name}.weight", width, inputs, 3, 3)
            state.put(f"{block}.{name}.bias", width, scale=0.3)
            state.put(f"{block}.{name}.noise_const", size, size)
            state.tensors[f"{block}.{name}.noise_strength"] = torch.tensor(0.0)  # noise is each program's own
            state.put(f"{block}.{name}.resample_filter", 4, 4)
            layer(f"{block}.{name}.affine", inputs, style, offset=1.0)
        if structure == "skip" or size == sizes[-1]:
            state.put(f"{block}.torgb.weight", colours, width, 1, 1)
            state.put(f"{block}.torgb.bias", colours, scale=0.3)
            layer(f"{block}.torgb.affine", width, style, offset=1.0)
        if structure == "resnet" and size > 4:
            state.put(f"{block}.skip.weight", width, before, 1, 1)
            state.put(f"{block}.skip.resample_filter", 4, 4)

    def run(z, label=None):
        p = Double(state.tensors)

        def unit(x):
            return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()

        def dense(name, x, rate=1.0):
            weight = p[f"{name}.weight"]
            return functional.linear(x, weight * rate / weight.shape[1] ** 0.5, p[f"{name}.bias"] * rate)

        def rectified(x):
            return 2**0.5 * functional.leaky_relu(x, 0.2)

        def doubled(x, first, last):
            """Zeros between the pixels, and the filter [1, 3, 3, 1] along both axes, of sum 4."""
            batch, channels, height, width = x.shape
            zeros = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=x.dtype)
            zeros[:, :, ::2, ::2] = x
            line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 4
            kernel = torch.outer(line, line).expand(channels, 1, 4, 4)
            return functional.conv2d(functional.pad(zeros, (first, last, first, last)), kernel, groups=channels)

        def modulated(name, x, w, up=False, demodulate=True):
            weight, style = p[f"{name}.weight"], dense(f"{name}.affine", w)
            if not demodulate:
                style = style / weight.shape[1] ** 0.5
            own = weight[None] * style[:, None, :, None, None]
            if demodulate:
                own = own / (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
            x, own = (doubled(x, 3, 2), own.flip([3, 4])) if up else (x, own)
            padding = 0 if up else weight.shape[-1] // 2
            results = [
                functional.conv2d(each[None], kernel, padding=padding) for each, kernel in zip(x, own, strict=True)
            ]
            return torch.cat(results) + p[f"{name}.bias"][:, None, None]

        w = unit(z)
        if classes:
            hot = functional.one_hot(label, classes).double()
            w = torch.cat([w, unit(dense("mapping.embed", hot))], 1)
        for index in range(layers):
            w = rectified(dense(f"mapping.fc{index}", w, 0.01))
        x, image = p["synthesis.b4.const"].expand(len(z), -1, -1, -1), None
        for size in sizes:
            block = f"synthesis.b{size}"
            before = x
            if size > 4:
                x = rectified(modulated(f"{block}.conv0", x, w, up=True))
            x = rectified(modulated(f"{block}.conv1", x, w))
            if structure == "resnet" and size > 4:
                weight = p[f"{block}.skip.weight"]
                skipped = functional.conv2d(doubled(before, 2, 1), weight / weight.shape[1] ** 0.5)
                x = (x + skipped) / 2**0.5
            if f"{block}.torgb.weight" in p:
                new = modulated(f"{block}.torgb", x, w, demodulate=False)
                image = new if image is None else doubled(image, 2, 1) + new
        return image

    return state.tensors, run
