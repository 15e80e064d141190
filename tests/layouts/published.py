"""Published generators: their tensors' names and shapes, with random numbers, and what their programs compute of them.

Each is a state dict and a function of it in PyTorch, written from what the program's layers are called and how they are joined.
All are in evaluation mode: batch norm by the statistics in the file, spectral norm as it is then.
"""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
functional = torch.nn.functional


class State:
    """Fills a state dict with random tensors."""

    def __init__(self, seed=0):
        self.rng, self.tensors = np.random.default_rng(seed), {}

    def put(self, name, *shape, scale=1.0, offset=0.0):
        self.tensors[name] = torch.tensor(np.float32(offset + scale * self.rng.standard_normal(shape)))

    def layer(self, name, *shape, bias=True, norm="", outputs=None):
        fan_in = int(np.prod(shape[1:]))
        weight = "weight_orig" if norm == "torch" else "weight"
        self.put(f"{name}.{weight}", *shape, scale=fan_in**-0.5)
        if bias:
            self.put(f"{name}.bias", outputs or shape[0], scale=0.3)
        if norm == "u0":  # BigGAN-PyTorch
            self.put(f"{name}.u0", 1, shape[0])
            self.put(f"{name}.sv0", 1, offset=1.0)
        if norm == "torch":
            for vector, length in (("u", shape[0]), ("v", fan_in)):
                self.put(f"{name}.weight_{vector}", length)
                self.tensors[f"{name}.weight_{vector}"] /= self.tensors[f"{name}.weight_{vector}"].norm()

    def statistics(self, channels, mean, variance):
        self.put(mean, channels, scale=0.3)
        self.tensors[variance] = torch.tensor(np.float32(self.rng.uniform(0.5, 2.0, channels)))

    def batch_norm(self, name, channels, affine=True):
        if affine:
            self.put(f"{name}.weight", channels, scale=0.2, offset=1.0)
            self.put(f"{name}.bias", channels, scale=0.3)
        self.statistics(channels, f"{name}.running_mean", f"{name}.running_var")
        self.tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)


class Double(dict):
    """The tensors in double precision."""

    def __init__(self, tensors):
        super().__init__({name: tensor.double() for name, tensor in tensors.items()})

    def weight(self, name):
        if f"{name}.weight_orig" in self:
            weight = self[f"{name}.weight_orig"]
            return weight / (self[f"{name}.weight_u"] @ weight.reshape(len(weight), -1) @ self[f"{name}.weight_v"])
        weight = self[f"{name}.weight"]
        if f"{name}.u0" in self:
            matrix = weight.reshape(len(weight), -1)
            v = functional.normalize(self[f"{name}.u0"] @ matrix)
            u = functional.normalize(v @ matrix.T)
            weight = weight / (v @ matrix.T @ u.T).squeeze()
        return weight

    def conv(self, name, x):
        weight = self.weight(name)
        return functional.conv2d(x, weight, self.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def linear(self, name, x):
        return functional.linear(x, self.weight(name), self.get(f"{name}.bias"))

    def norm(self, x, mean, variance, weight=None, bias=None, epsilon=1e-5):
        return functional.batch_norm(x, self[mean], self[variance], weight, bias, False, eps=epsilon)

    def running(self, name, x, epsilon=1e-5):
        affine = self.get(f"{name}.weight"), self.get(f"{name}.bias")
        return self.norm(x, f"{name}.running_mean", f"{name}.running_var", *affine, epsilon=epsilon)


def attended(p, names, gamma, x):
    query, key, value = (p.conv(name, x) for name in names[:3])
    key, value = functional.max_pool2d(key, 2), functional.max_pool2d(value, 2)
    batch, channels, height, width = x.shape
    weights = torch.softmax(torch.bmm(query.flatten(2).transpose(1, 2), key.flatten(2)), -1)
    looked = torch.bmm(value.flatten(2), weights.transpose(1, 2)).reshape(batch, channels // 2, height, width)
    return p[gamma] * p.conv(names[3], looked) + x


# ---- BigGAN-PyTorch


def biggan_widths(ch, blocks):
    return [ch * each for each in {3: (4, 4, 4, 4), 4: (16, 16, 8, 4, 2), 5: (16, 16, 8, 4, 2, 1)}[blocks]]


def biggan_pytorch(ch=4, blocks=3, classes=3, shared=5, chunk=2, attention=(1,), spectral="u0", inner="", hier=True):
    """`inner` is "bn." where the norms are synchronised ones, that keep the statistics one level deeper."""
    state, widths = State(), biggan_widths(ch, blocks)
    if shared:
        state.put("shared.weight", classes, shared)
    state.layer("linear", 16 * widths[0], chunk, norm=spectral)
    told = shared + (chunk if hier else 0)
    for index in range(blocks):
        before, after = widths[index : index + 2]
        block = f"blocks.{index}.0"
        state.layer(f"{block}.conv1", after, before, 3, 3, norm=spectral)
        state.layer(f"{block}.conv2", after, after, 3, 3, norm=spectral)
        state.layer(f"{block}.conv_sc", after, before, 1, 1, norm=spectral)
        for norm, channels in ((f"{block}.bn1", before), (f"{block}.bn2", after)):
            for part in ("gain", "bias"):
                if shared:
                    state.layer(f"{norm}.{part}", channels, told, bias=False, norm=spectral)
                else:
                    state.put(f"{norm}.{part}.weight", classes, channels, scale=0.3)
            state.statistics(channels, f"{norm}.{inner}stored_mean", f"{norm}.{inner}stored_var")
        if index in attention:
            shapes = {
                "theta": (after // 8, after),
                "phi": (after // 8, after),
                "g": (after // 2, after),
                "o": (after, after // 2),
            }
            for name, shape in shapes.items():
                state.layer(f"blocks.{index}.1.{name}", *shape, 1, 1, bias=False, norm=spectral)
            state.put(f"blocks.{index}.1.gamma")
    state.put("output_layer.0.gain", widths[-1], scale=0.2, offset=1.0)
    state.put("output_layer.0.bias", widths[-1], scale=0.3)
    state.statistics(widths[-1], f"output_layer.0.{inner}stored_mean", f"output_layer.0.{inner}stored_var")
    state.layer("output_layer.2", 3, widths[-1], 3, 3, norm=spectral)

    def run(z, label):
        p = Double(state.tensors)
        chunks = list(z.chunk(blocks + 1, 1)) if hier else [z] + [z[:, :0]] * blocks
        embedded = p["shared.weight"][label] if shared else None
        x = p.linear("linear", chunks[0]).reshape(len(z), -1, 4, 4)

        def conditional(name, x, condition):
            if shared:
                gain, bias = (p.linear(f"{name}.{part}", condition) for part in ("gain", "bias"))
            else:
                gain, bias = (p[f"{name}.{part}.weight"][label] for part in ("gain", "bias"))
            y = p.norm(x, f"{name}.{inner}stored_mean", f"{name}.{inner}stored_var")
            return torch.relu(y * (1 + gain)[:, :, None, None] + bias[:, :, None, None])

        for index in range(blocks):
            block = f"blocks.{index}.0"
            condition = torch.cat([embedded, chunks[index + 1]], 1) if shared else None
            double = lambda x: functional.interpolate(x, scale_factor=2)  # noqa: E731
            h = p.conv(f"{block}.conv1", double(conditional(f"{block}.bn1", x, condition)))
            h = p.conv(f"{block}.conv2", conditional(f"{block}.bn2", h, condition))
            x = h + p.conv(f"{block}.conv_sc", double(x))
            if index in attention:
                place = f"blocks.{index}.1"
                x = attended(p, [f"{place}.{name}" for name in ("theta", "phi", "g", "o")], f"{place}.gamma", x)
        last = "output_layer.0"
        x = p.norm(x, f"{last}.{inner}stored_mean", f"{last}.{inner}stored_var", p[f"{last}.gain"], p[f"{last}.bias"])
        return torch.tanh(p.conv("output_layer.2", torch.relu(x)))

    return state.tensors, run


# ---- StudioGAN's big_resnet


def studiogan(ch=4, blocks=3, classes=3, shared=5, chunk=2, attention=(1,)):
    """Attention is a block of its own, behind the block of this index."""
    state, widths = State(1), biggan_widths(ch, blocks)
    state.put("shared.weight", classes, shared)
    state.layer("linear0", 16 * widths[0], chunk, norm="torch")
    places, attentions, at = [], {}, 0
    for index in range(blocks):
        before, after = widths[index : index + 2]
        block = f"blocks.{at}.0"
        places.append(block)
        at += 1
        state.layer(f"{block}.conv2d1", after, before, 3, 3, norm="torch")
        state.layer(f"{block}.conv2d2", after, after, 3, 3, norm="torch")
        state.layer(f"{block}.conv2d0", after, before, 1, 1, norm="torch")
        for norm, channels in ((f"{block}.bn1", before), (f"{block}.bn2", after)):
            for part in ("gain", "bias"):
                state.layer(f"{norm}.{part}", channels, shared + chunk, bias=False, norm="torch")
            state.batch_norm(f"{norm}.bn", channels, affine=False)
        if index in attention:
            place = attentions[index] = f"blocks.{at}.0"
            at += 1
            shapes = {
                "theta": (after // 8, after),
                "phi": (after // 8, after),
                "g": (after // 2, after),
                "attn": (after, after // 2),
            }
            for name, shape in shapes.items():
                state.layer(f"{place}.conv1x1_{name}", *shape, 1, 1, bias=False, norm="torch")
            state.put(f"{place}.sigma", 1)
    state.batch_norm("bn4", widths[-1])
    state.layer("conv2d5", 3, widths[-1], 3, 3, norm="torch")

    def run(z, label):
        p = Double(state.tensors)
        chunks = z.chunk(blocks + 1, 1)
        x = p.linear("linear0", chunks[0]).reshape(len(z), -1, 4, 4)

        def conditional(name, x, condition):
            gain, bias = (p.linear(f"{name}.{part}", condition)[:, :, None, None] for part in ("gain", "bias"))
            return torch.relu(p.running(f"{name}.bn", x, 1e-4) * (1 + gain) + bias)

        for index, block in enumerate(places):
            condition = torch.cat([p["shared.weight"][label], chunks[index + 1]], 1)
            double = lambda x: functional.interpolate(x, scale_factor=2, mode="nearest")  # noqa: E731
            h = p.conv(f"{block}.conv2d1", double(conditional(f"{block}.bn1", x, condition)))
            h = p.conv(f"{block}.conv2d2", conditional(f"{block}.bn2", h, condition))
            x = h + p.conv(f"{block}.conv2d0", double(x))
            if index in attentions:
                names = [f"{attentions[index]}.conv1x1_{name}" for name in ("theta", "phi", "g", "attn")]
                x = attended(p, names, f"{attentions[index]}.sigma", x)
        return torch.tanh(p.conv("conv2d5", torch.relu(p.running("bn4", x, 1e-4))))

    return state.tensors, run


# ---- mimicry


def mimicry(widths=(6, 5, 4), latent=7, base=4, classes=0):
    state, last = State(2), len(widths) + 1
    state.layer("l1", base * base * widths[0], latent)
    for number, (before, after) in enumerate(itertools.pairwise(widths), start=2):
        block = f"block{number}"
        state.layer(f"{block}.c1", after, before, 3, 3)
        state.layer(f"{block}.c2", after, after, 3, 3)
        state.layer(f"{block}.c_sc", after, before, 1, 1)
        for norm, channels in ((f"{block}.b1", before), (f"{block}.b2", after)):
            if classes:
                state.batch_norm(f"{norm}.bn", channels, affine=False)
                state.put(f"{norm}.embed.weight", classes, 2 * channels, scale=0.5, offset=0.5)
            else:
                state.batch_norm(norm, channels)
    state.batch_norm(f"b{last}", widths[-1])
    state.layer(f"c{last}", 3, widths[-1], 3, 3)

    def run(z, label=None):
        p = Double(state.tensors)
        x = p.linear("l1", z).reshape(len(z), -1, base, base)

        def norm(name, x):
            if not classes:
                return torch.relu(p.running(name, x))
            gain, bias = p[f"{name}.embed.weight"][label][:, :, None, None].chunk(2, 1)
            return torch.relu(gain * p.running(f"{name}.bn", x) + bias)

        def double(x):
            return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

        for number in range(2, last):
            block = f"block{number}"
            h = p.conv(f"{block}.c1", double(norm(f"{block}.b1", x)))
            h = p.conv(f"{block}.c2", norm(f"{block}.b2", h))
            x = h + p.conv(f"{block}.c_sc", double(x))
        return torch.tanh(p.conv(f"c{last}", torch.relu(p.running(f"b{last}", x))))

    return state.tensors, run


# ---- CycleGAN


def cyclegan(width=4, blocks=2, before=3, after=3, dropout=False, running=False, seed=3):
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


# ---- StyleGAN2-ADA


def stylegan2_ada(
    sizes=(4, 8, 16), widths=(6, 6, 4), latent=5, style=5, layers=2, classes=0, structure="skip", colours=3
):
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
