"""What translations are measured by while a game trains: against the true counterparts of held-out images.

Sources and targets are what the game's ability "translate" declares, so that a game with one way is measured on that one.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.core.abilities import DOMAIN, Ability
from jaxgan.core.arrays import domain_arrays
from jaxgan.core.game import Game
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, as_seen, evenly, make_source, other_split, prepare
from jaxgan.data.digits import PLAIN
from jaxgan.evaluation.held_out import in_bytes, spread_records
from jaxgan.evaluation.sample_metrics import readable_size
from jaxgan.features.digits import digit_probabilities
from jaxgan.metrics.image_quality import SMALLEST, psnr, ssim
from jaxgan.metrics.sliced_wasserstein import PATCH, sliced_wasserstein
from jaxgan.metrics.two_sample import FOLDS, told_apart
from jaxgan.pictures import to_uint8

# How digits of another domain are read by the classifier of plain digits, where they can be; digits of others are read as the
# nearest training digit of their domain is.
_WAY_BACK: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    PLAIN: lambda images: images,
    "inverted": lambda images: -images,
    "thresholded": lambda images: images,
    "low_resolution": lambda images: images,
}
COMPARED = 128  # images whose patches are compared while a game trains: as many as cost seconds
_EQUAL = 100.0  # decibels that count for an image that is equal to its counterpart
_NOISE = 0.1  # deviation of the noise that probes translations, of images in [-1, 1]


def translation(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Whether translated digits are still read as the same digits, and what they differ by from their counterparts.

    For each way, as "ab": "agreement_ab" is the share that is still read as the digit it was, "counterpart_mse_ab" the mean
    square of the difference; and where domains look alike in shape, "domain_ab" the share that is nearer to a training digit of
    the target than to any of the other domains. "agreement" is the mean over the ways; games with more than two have the worst
    way's beside it, "agreement_worst", and so for "domain_accuracy". A game with both ways has what is lost on the way there
    and back, "cycle_l1"; one with a single way the mean difference from the counterparts, "l1".
    """
    held_out, ways = held_out_pairs(config, source), snapshot.game.ability("translate").ways
    (a, b), label, train = ways[0], held_out["label"], _train(config)

    def carry(images: np.ndarray, source: str, target: str) -> np.ndarray:
        return snapshot.use("translate", key, images=images, source=source, target=target)

    values: dict[str, float] = {}
    made = {}
    agreements, domains = [], []
    for way in ways:
        made[way] = images = carry(held_out[way[0]], *way)
        agreements.append(_agreement(images, label, source, way[1], train))
        values[f"agreement_{''.join(way)}"] = agreements[-1]
        values[f"counterpart_mse_{''.join(way)}"] = float(np.square(images - held_out[way[1]]).mean())
        if (share := _of_domain(images, way[1], train)) is not None:
            domains.append(share)
            values[f"domain_{''.join(way)}"] = share
    summary = {"agreement": float(np.mean(agreements))}
    summary |= {"domain_accuracy": float(np.mean(domains))} if domains else {}
    if len(ways) > 2:
        summary |= {"agreement_worst": min(agreements)} | ({"domain_accuracy_worst": min(domains)} if domains else {})
    if len(made) == 1:
        return {**summary, **values, "l1": float(np.abs(made[a, b] - held_out[b]).mean())}
    return {**summary, **values, **_cycles(carry, held_out, made, key)}


def cycle(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """What held-out images lose on the way to another domain and back, which needs neither pairs nor labels.

    For each domain, as "aba": "cycle_l1_aba", the mean difference |x - F(G(x))| of up to 128 images; "cycle_l1" is the mean
    over the ways. "cycle_l1_aba_noisy" is that of the game's usual way with noise of deviation 0.1 on the translation: much
    more than without where the source is hidden in it. A game that changes nothing has 0: read it beside how translations look.
    """
    number = min(config.evaluate_samples, COMPARED)
    held_out = spread_records(other_split(config.data, "test", source.arrays), number)

    def carry(images: np.ndarray, source: str, target: str) -> np.ndarray:
        return snapshot.use("translate", key, images=images, source=source, target=target)

    return _cycles(carry, held_out, {way: carry(held_out[way[0]], *way) for way in _there_and_back(snapshot.game)}, key)


def _cycles(
    carry: Callable[[np.ndarray, str, str], np.ndarray],
    images: Mapping[str, np.ndarray],
    made: Mapping[tuple[str, str], np.ndarray],
    key: jax.Array,
) -> dict[str, float]:
    """The values of `cycle`, of images by domain and their translations by way, the game's usual one first."""
    cycles = {}
    for origin, target in made:
        if (target, origin) in made:
            back = carry(made[origin, target], target, origin)
            cycles[f"cycle_l1_{origin}{target}{origin}"] = float(np.abs(back - images[origin]).mean())
    (a, b), there = next(iter(made.items()))
    # Chu et al. 2017 (arXiv:1712.02950): what a translation hides in faint patterns for the way back, noise destroys.
    noise = _NOISE * np.asarray(jax.random.normal(key, (there.size,))).reshape(there.shape)
    noisy = {f"cycle_l1_{a}{b}{a}_noisy": float(np.abs(carry(there + noise, b, a) - images[a]).mean())}
    return {"cycle_l1": float(np.mean(list(cycles.values()))), **cycles, **noisy}


def _there_and_back(game: Game) -> list[tuple[str, str]]:
    """The ways of a game that lead back too."""
    ways = game.ability("translate").ways
    return [way for way in ways if way[::-1] in ways]


def needs_a_way_back(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must translate between domains of the data, there and back."""
    if obstacle := _needs_ways(compiled, source):
        return obstacle
    return "" if _there_and_back(compiled.game) else "the game has no way back"


def paired_translation(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How near translated images are to their true counterparts, on the game's usual way, and how real they look.

    "l1" is the mean difference |y - G(x)|; "psnr" and "ssim", of images without alpha, are means over images on the Y channel,
    an equal one's PSNR counted as 100, SSIM from 11x11 pixels on; "agreement" the share that is read as the digit it was,
    where the target is readable; "sharpness" the energy of G(x)'s differences between neighbouring pixels as a share of y's;
    "c2st" how often a classifier tells G(x) from y, 0.5 for a perfect game, of four pairs or more.
    """
    held_out = held_out_pairs(config, source)
    origin, target = snapshot.game.ability("translate").ways[0]
    made = snapshot.use("translate", key, images=held_out[origin], source=origin, target=target)
    true = held_out[target]
    values = {"l1": float(np.abs(made - true).mean())}
    if "label" in held_out and not _unreadable(source, target):
        values["agreement"] = _agreement(made, held_out["label"], source, target, _train(config))
    if true.shape[-1] in (1, 3):
        pixels, true_pixels = to_uint8(made), to_uint8(true)
        values["psnr"] = float(np.minimum(psnr(pixels, true_pixels), _EQUAL).mean())
        if min(true.shape[1:3]) >= SMALLEST:
            values["ssim"] = float(ssim(pixels, true_pixels).mean())
    if edges := roughness(true):
        values["sharpness"] = roughness(made) / edges
    return values | ({"c2st": told_apart(made, true)} if len(true) >= FOLDS else {})


def translated_swd(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How far translations are from images of their target, by the sliced Wasserstein distance of patches.

    For each way, as "ab": "translated_swd_ab", of up to 128 training images; "translated_swd" is the mean over the ways. Of a
    game that changes attributes it is so for each that can be asked for, as "no_bar": images that have it not, changed, from
    those that have. It tells how a translation looks, not whether it is one of its input.
    """
    number, values = min(config.evaluate_samples, COMPARED), {}
    for name, asked, images, real in _asked_ways(snapshot.game, source, number):
        made = to_uint8(snapshot.use("translate", key, images=as_seen({"image": images})["image"], **asked))
        values[f"translated_swd_{name}"] = float(np.mean(list(sliced_wasserstein(in_bytes(real), made).values())))
    return {"translated_swd": float(np.mean(list(values.values()))), **values}


def _asked_ways(
    game: Game, source: Source, number: int
) -> Iterator[tuple[str, dict[str, str], np.ndarray, np.ndarray]]:
    """For each way of a game its name, what is asked of "translate", and so many training images of both ends, as records
    hold them."""
    if source.domains:
        real = source.stack(evenly(number, len(source)))
        for origin, target in game.ability("translate").ways:
            yield f"{origin}{target}", {"source": origin, "target": target}, real[origin], real[target]
        return
    real = source.stack(evenly(4 * number, len(source)))
    for which, name in enumerate(source.arrays["attributes"].names):
        ends = [real["image"][real["attributes"][:, which] == has] for has in (0, 1)]
        if fewer := min(number, *map(len, ends)):
            # From everywhere in each: files are sorted, and the first ones may be of one kind.
            without, having = (images[evenly(fewer, len(images))] for images in ends)
            yield name, {"target": name}, without, having
            yield f"no_{name}", {"target": f"no_{name}"}, having, without


def needs_targets_of_images(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must translate between domains of the data, or change their attributes, of images as large as a patch."""
    attributed = not source.domains and "attributes" in source.arrays
    if obstacle := (needs_attributes if attributed else _needs_ways)(compiled, source):
        return obstacle
    arrays = ("image",) if attributed else domain_arrays(len(source.domains))
    sides = min(min(source.arrays[array].shape[:2]) for array in arrays)
    return "" if sides >= PATCH else f"images of {sides} pixels are smaller than its patches"


def swapped_styles(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """What becomes of held-out digits that take the style of another digit in another domain.

    "agreement" is the share that is still read as the digit it was, "domain_accuracy" the share that is nearer to a training
    digit of the style's domain than to any of the others; both are means over all pairs of domains, with the worst pair's
    beside them.
    """
    held_out, train = held_out_pairs(config, source), _train(config)
    others = np.random.default_rng(0).permutation(len(held_out["label"]))
    agreements, domains = list[float](), list[float]()
    for origin, target in itertools.permutations(domain_arrays(len(source.domains)), 2):
        made = snapshot.use("restyle", key, images=held_out[origin], styles=held_out[target][others])
        agreements.append(_agreement(made, held_out["label"], source, target, train))
        domains.append(_of_domain(made, target, train) or 0.0)
    return {
        "agreement": float(np.mean(agreements)),
        "agreement_worst": min(agreements),
        "domain_accuracy": float(np.mean(domains)),
        "domain_accuracy_worst": min(domains),
    }


def needs_styles(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must give styles, and the data be digits in several domains."""
    if "restyle" not in compiled.game.abilities:
        return "the game gives no image the style of another"
    if not source.domains:
        return "the data have no domains (data.name='digits_translation' has)"
    return next(
        (obstacle for array in domain_arrays(len(source.domains)) if (obstacle := _unreadable(source, array))), ""
    )


def domain_pairs(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Whether samples of one latent are the same digit in both domains.

    "pair_agreement" is the share of `config.evaluate_samples` latents whose two images are read as the same digit;
    "digits_present" how many digits there are in the domain that has the fewest.
    """
    drawn = {}
    for domain in ("a", "b"):
        made = snapshot.use("sample", key, number=config.evaluate_samples, domain=domain)
        drawn[domain] = _plain(made, _called(source, domain))
    read = np.asarray(digit_probabilities(drawn["a"])).argmax(axis=1)
    present = min(len(metrics.classes_present(images)) for images in drawn.values())
    return {"pair_agreement": metrics.class_accuracy(drawn["b"], read), "digits_present": float(present)}


def needs_domain_samples(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must draw samples of both domains, whose digits are read."""
    ability = compiled.game.abilities.get("sample")
    if ability is None or not ability.kinds(DOMAIN):
        return "the game does not draw samples of several domains"
    if any(_called(source, array) not in _WAY_BACK for array in ("a", "b")):
        return f"the data are not digits and one of {', '.join(_WAY_BACK)} (data.name='digits_translation')"
    return next((obstacle for array in ("a", "b") if (obstacle := _unreadable(source, array))), "")


def roughness(images: np.ndarray) -> float:
    """Mean square of the differences between neighbouring pixels."""
    return float(np.square(np.diff(images, axis=1)).mean() + np.square(np.diff(images, axis=2)).mean())


def needs_readable_digits(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must translate, and only to domains whose digits are read."""
    if obstacle := _needs_ways(compiled, source):
        return obstacle
    for _, target in compiled.game.ability("translate").ways:
        if obstacle := _unreadable(source, target):
            return obstacle
    return ""


def needs_pairs(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must translate, and the true counterparts of held-out images must be known."""
    if obstacle := _needs_ways(compiled, source):
        return obstacle
    paired = PLAIN in source.domains or config.data.aligned
    return "" if paired else "the data have no pairs (data.aligned=True has, and the held-out digits are some)"


def needs_attributes(compiled: CompiledGame, source: Source) -> str:
    """The game must change the attributes that the data have."""
    if "translate" not in compiled.game.abilities:
        return "the game does not translate"
    if source.domains or "attributes" not in source.arrays:
        return "the data are not images with attributes (data.attributes_file says them)"
    words = compiled.game.ability("translate").takes["target"].choices
    return "" if set(source.arrays["attributes"].names) <= set(words) else "the game changes no attributes"


def _needs_ways(compiled: CompiledGame, source: Source) -> str:
    if "translate" not in compiled.game.abilities:
        return "the game does not translate"
    if not source.domains:
        return "the data have no domains (data.name='digits_translation' has)"
    ability: Ability = compiled.game.ability("translate")
    missing = sorted({name for way in ability.ways for name in way} - source.arrays.keys())
    return f"the data have no array {missing[0]!r}" if missing else ""


def _unreadable(source: Source, array: str) -> str:
    """Why the digits of a domain, given by the name of its array, are not read; "" if they are."""
    if PLAIN not in source.domains:
        return "the data are not digits in several domains (data.name='digits_translation')"
    if _called(source, array) not in _WAY_BACK or readable_size(source.arrays[array].shape):
        return ""
    return "digits are read at data.image_size 8, 16 or 32"


def _called(source: Source, array: str) -> str:
    """What the data call the domain of an array."""
    return dict(zip(domain_arrays(len(source.domains)), source.domains, strict=True)).get(array, array)


def _agreement(
    images: np.ndarray, label: np.ndarray, source: Source, array: str, train: Mapping[str, np.ndarray]
) -> float:
    """The share of translations that are read as the digit that they are of."""
    called = _called(source, array)
    if called not in _WAY_BACK:
        return float((train["label"][nearest(images, train[array])] == label).mean())
    return metrics.class_accuracy(_plain(images, called), label)


def _plain(images: np.ndarray, called: str) -> np.ndarray:
    """Digits of a domain that has a way back as plain ones."""
    return _WAY_BACK[called](images).max(axis=-1, keepdims=True)  # tinted digits as grey ones: the brightest channel


def _of_domain(images: np.ndarray, array: str, train: Mapping[str, np.ndarray]) -> float | None:
    """The share of images whose nearest training digit of all domains is one of this domain; None where shapes differ."""
    domains = [name for name in train if name != "label"]
    if len({train[name].shape for name in domains}) > 1:
        return None
    found = nearest(images, np.concatenate([train[name] for name in domains])) // len(train["label"])
    return float((found == domains.index(array)).mean())


def nearest(images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """For each image (N, ...) the index of the nearest of the known ones (M, ...), by the sum of squares; (N,)."""
    flat, others = (array.reshape(len(array), -1).astype(np.float32) for array in (images, known))
    # |x - y|^2 without |x|^2, which is the same for all
    return (np.square(others).sum(axis=1)[None] - 2 * flat @ others.T).argmin(axis=1)


def held_out_pairs(config: ConfigDict, source: Source) -> dict[str, np.ndarray]:
    """Held-out pairs of the training data's kind: images in [-1, 1], and labels."""
    return spread_records(other_split(config.data, "test", source.arrays))


def _train(config: ConfigDict) -> dict[str, np.ndarray]:
    """All training digits in every domain, images in [-1, 1], and labels."""
    records = prepare(make_source(config.data, split="train", aligned=True, flip=False).stack())
    return {name: np.asarray(array) for name, array in records.items()}
