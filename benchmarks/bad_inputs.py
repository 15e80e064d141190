"""What users get wrong, from lists: each must end in one line that begins with "error:", quickly, and leave nothing behind."""

import io
import json
import os
import pathlib
import shutil
import sys
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

import train
from benchmarks.verdicts import verdict
from jaxgan.commands import listing
from jaxgan.data import DataConfig
from jaxgan.registry import plain
from jaxgan.training import command_line

ROOT = pathlib.Path(__file__).parents[1]
DCGAN = "configs/dcgan.py"
TINY = "tests/tiny.py:dcgan"


class Case(NamedTuple):
    """Something wrong that is typed.

    Attributes:
        kind: What it is wrong with.
        program: "train.py" or "jaxgan".
        arguments: Of the command line.
        right: A file, and what is in it if the program may do without what is damaged; None: it must refuse.
    """

    kind: str
    program: str
    arguments: tuple[str, ...]
    right: tuple[pathlib.Path, bytes] | None = None


def attempt(case: Case, made: pathlib.Path) -> str:
    """`verdict` of a case, in this process and from the folder of the repository."""
    before, where = sys.argv, os.getcwd()
    sys.argv = [case.program, *case.arguments]
    os.chdir(ROOT)
    try:
        wrong = verdict(train.main if case.program == "train.py" else listing.main, made)
        if case.right is not None and wrong.startswith("wrong result: status 0"):
            file, content = case.right
            return (
                ""
                if file.read_bytes() == content
                else "wrong result: another picture than that of the whole checkpoint"
            )
        return wrong
    finally:
        sys.argv = before
        os.chdir(where)


# ---- configs


def _words(text: str) -> list[str]:
    return text.split()


_NUMBERS = _words(
    """
    steps images batch_size accumulate steps_per_call statistics_batches log_every sample_every evaluate_every evaluate_samples
    checkpoint_every seed
    """
)
_TOP = (
    "steps=0",
    "dtype=float8",
    "dtype=3",
    "system=dcgann",
    "system=none",
    "metrics=digit_df",
    "metrics=no_module:metric",
)
_TOP += (
    "batch_size=1440",
    "batch_size=0",
    "log_every=0",
    "accumulate=3",
    "seed.x=1",
    "players=3",
    "data=digits",
    "game=none",
)
_DATA = _words(
    """
    name=digit name=none name=no_module:source split=val image_size=0 image_size=-3 image_size=abc image_size=100000
    image_size=(8,8,8) image_size=1.5 load_size=0 load_size=x resize=squash crop=left resample=cubic channels=2
    channels=x flip=maybe flip=2 dequantize=5 domain=blue domains=digits,digits domains=blue attributes=blue
    attributes=bar,bar tinted=x labelled=-1 labelled=x labelled=100000 labelled_draw=-1 scale_factor=0 scale_factor=3
    scale_factor=x scale=x max_unreadable=2 max_unreadable=-1 max_unreadable=x aligned=x text=5 image_size=9
    """
)
_PLAYER = _words(
    """
    optimizer.learning_rate=0 optimizer.learning_rate=-1 optimizer.learning_rate=abc optimizer.learning_rate=nan
    optimizer.learning_rate=inf optimizer.learning_rate=none optimizer.b1=1.5 optimizer.b1=-0.1 optimizer.b2=1
    optimizer.eps=-1 optimizer=adamm optimizer.name=adamm optimizer=none network=Nothing network=none network.width=0
    network.width=-3 network.width=abc network.width=1.5 network.width=1000000000 network.widht=3 optimizer.lr=1
    constraints=spectral_nrom constraints.clip.limit=1 average=expo average.decay=2 schedule=linear
    views=diffaugment views=5 views.0=diff_augment frozen=nowhere frozen=( frozen=3 constraints=clip average=half_life
    network=no_module:Network network=json:loads optimizer=os:getcwd
    """
)
_GAME = _words(
    """
    latent_size=0 latent_size=-1 latent_size=abc latent_size=1.5 latent=gauss latent=3 terms=r3 terms=r1,r1x
    terms.r1.weight=1 terms=no_module:term num_classes=-1 num_classes=5
    """
)
_COMMAND_LINE = (
    [],
    ["--workdir=x"],
    ["--config"],
    ["--config="],
    ["--config=configs/dcgam.py"],
    ["--config=configs"],
    ["--config=README.md"],
    ["--config=docs/images/dcgan.png"],
    [f"--config={DCGAN}:papr"],
    [f"--config={DCGAN}", "--config.seed"],
    ["--config.seed=1", f"--config={DCGAN}"],
    [f"--config={DCGAN}", f"--config={DCGAN}"],
    [f"--config={DCGAN}", "--steps=3"],
    [f"--config={DCGAN}", "--wrkdir=x"],
    [f"--config={DCGAN}", "word"],
    [f"--config={DCGAN}", "--config.=3"],
    [f"--config={DCGAN}", "--config..=3"],
    [f"--config={DCGAN}", "--config.data..name=3"],
    [f"--config={DCGAN}", "--workdir=/proc/run"],
    [f"--config={DCGAN}", "--workdir=/dev/null/run"],
    [f"--config={DCGAN}", "--workdir=README.md"],
    [f"--config={DCGAN}", "--init_from=nowhere"],
    [f"--config={DCGAN}", "--init_from=:"],
    [f"--config={DCGAN}", "--init_from=docs"],
    [f"--config={DCGAN}", "--init_from=README.md"],
)


def of_configs(made: pathlib.Path) -> Iterator[Case]:
    """Fields, values and options that there are not."""
    where = f"--workdir={made}"

    def field(kind: str, text: str, config: str = DCGAN) -> Case:
        return Case(kind, "train.py", (f"--config={config}", where, f"--config.{text}"))

    for name in _NUMBERS:
        for value in ("abc", "1.5", "none", "-1", "inf"):
            yield field("numbers of a run", f"{name}={value}")
    for text in _TOP:
        yield field("fields of a run", text)
    for text in _DATA:
        yield field("data fields", f"data.{text}", TINY if text.endswith("size=9") else DCGAN)
    for name in DataConfig.__dataclass_fields__:
        yield field("misspelt fields", f"data.{name}{name[-1]}=1")
    for name in plain(command_line.load_config(str(ROOT / DCGAN))):
        yield field("misspelt fields", f"{name}{name[-1]}=1")
    for text in _PLAYER:
        yield field("players", f"players.discriminator.{text}")
    for text in _GAME:
        yield field("games", f"game.{text}")
    for path in sorted((ROOT / "configs").glob("[!_]*.py")):
        config = f"configs/{path.name}"
        players = plain(command_line.load_config(str(path)))["players"]
        first, fields = next(iter(players.items()))
        while "network" not in fields:
            below, fields = next(iter(fields.items()))
            first = f"{first}.{below}"
        for text in (
            "game.nothing=1",
            "players.nobody.network=MLPGenerator",
            f"players.{first}.optimizer.learning_rate=-1",
        ):
            yield field("every system", text, config)
    for arguments in _COMMAND_LINE:
        given = any(argument.startswith("--workdir") for argument in arguments)
        yield Case("command lines", "train.py", (*arguments, *([] if given else [where])))


# ---- data


def of_data(folder: pathlib.Path, made: pathlib.Path) -> Iterator[Case]:
    """Folders, zips and files beside them that cannot be trained on."""
    good = io.BytesIO()
    Image.new("RGB", (12, 12), (200, 30, 90)).save(good, "PNG")
    picture = good.getvalue()
    tree: dict[str, dict[str, bytes]] = {
        "empty": {},
        "only_text": {"a.txt": b"words"},
        "text_as_png": {"a.png": b"words", "b.png": b"more words"},
        "no_bytes": {"a.png": b""},
        "cut": {"a.png": picture[: len(picture) // 2], "b.png": picture[:30]},
        "one_cut_of_two": {"a.png": picture, "b.png": picture[:40]},
        "damaged_in_the_middle": {"a.png": picture[:50] + b"\0" * 20 + picture[70:]},
        "gif": {"a.gif": b"GIF89a" + bytes(20)},
        "claims_much": {"a.png": picture[:16] + (2**30).to_bytes(4, "big") * 2 + picture[24:]},
        "few": {"a.png": picture},
    }
    for name, files in tree.items():
        (folder / name).mkdir(parents=True)
        for file, content in files.items():
            (folder / name / file).write_bytes(content)
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
    (folder / "pipes").mkdir()
    os.mkfifo(folder / "pipes" / "a.png")
    (folder / "loop").mkdir()
    (folder / "loop" / "a.png").symlink_to("a.png")
    (folder / "classes_without_pictures" / "cat").mkdir(parents=True)
    (folder / "no_zip.zip").write_bytes(b"PK\3\4 nothing")
    (folder / "cut.zip.zip").write_bytes((folder / "few.zip").read_bytes()[:60])
    with zipfile.ZipFile(folder / "leads_out.zip", "w") as archive:
        archive.writestr("../a.png", picture)
    places = [*sorted(tree), "pipes", "loop", "classes_without_pictures", "nowhere", "no_zip.zip", "/dev/zero", ""]
    for source in ("folder", "two_folders", "many_folders"):
        for place in places:
            path = place if place.startswith("/") else str(folder / place) if place else ""
            yield _on_data("folders", made, f"name={source}", f"path={path}")
    zips = [f"{name}.zip" for name in sorted(tree)] + [
        "no_zip.zip",
        "cut.zip.zip",
        "leads_out.zip",
        "nowhere.zip",
        "few",
    ]
    for place in zips:
        yield _on_data("zips", made, "name=zip", f"path={folder / place}")
    tables = {
        "empty": "",
        "header": "name,blond\n",
        "other": "name,blond\nz.png,1\n",
        "columns": "name,blond\na.png,1,0\n",
        "values": "name,blond\na.png,yes\n",
        "twice": "name,blond,blond\na.png,1,1\n",
        "bytes": "\udcff\udcfe",
        "celeba": "3\nblond\na.png 2\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
        fields = ("name=folder", f"path={folder / 'few'}", f"attributes_file={folder / name}.csv", "attributes=blond")
        yield _on_data("attributes and captions", made, *fields)
    for text in ("files", str(folder / "nowhere.npz"), str(folder / "no_zip.zip"), str(folder / "few.zip")):
        yield _on_data("attributes and captions", made, "name=folder", f"path={folder / 'few'}", f"text={text}")
    for name in ("tfds:nothing", "tfds:", "tfds:../..", "tfds:a/b/c/d"):
        yield _on_data("tfds", made, f"name={name}", f"path={folder}")


def _on_data(kind: str, made: pathlib.Path, *fields: str) -> Case:
    given = ("image_size=8", "channels=1", *fields)
    flags = (f"--config.data.{field}" for field in given)
    return Case(kind, "train.py", (f"--config={TINY}", f"--workdir={made}", "--config.metrics=none", *flags))


# ---- runs, and what is asked of them


def of_runs(run: pathlib.Path, folder: pathlib.Path) -> Iterator[Case]:
    """Damaged runs; each is asked for a sample."""
    contents = {
        "gone": None,
        "empty": b"",
        "bytes": b"\xff\xfe\0\1",
        "words": b"nothing",
        "list": b"[]",
        "number": b"3",
        "cut": (run / "config.json").read_bytes()[:200],
        "deep": b"[" * 100_000,
        "nan": b'{"system": NaN}',
    }
    for file in ("config.json", "data.json"):
        for name, content in contents.items():
            copy = _copy(run, folder / f"{file}-{name}")
            (copy / file).unlink()
            if content is not None:
                (copy / file).write_bytes(content)
            yield _sample("files of a run", copy)
    fields = {"system": "dcgann", "steps": "x", "players": {}, "game": [], "batch_size": -1, "data": {"nme": 1}, "x": 1}
    for name, value in fields.items():
        copy = _copy(run, folder / f"config-{name}")
        config = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps(config | {name: value}))
        yield _sample("files of a run", copy)
    copy = _copy(run, folder / "other_width")
    config = json.loads((copy / "config.json").read_text())
    config["players"]["generator"]["network"]["width"] = 9
    (copy / "config.json").write_text(json.dumps(config))
    yield _sample("checkpoints", copy)
    (_copy(run, folder / "pipe") / "metrics.jsonl").unlink()
    os.mkfifo(folder / "pipe" / "metrics.jsonl")
    yield _sample("files of a run", folder / "pipe")
    command = (*_sample("", run).arguments[:3], f"--output={folder / 'right.png'}")
    if wrong := attempt(Case("", "jaxgan", command), folder / "nowhere"):
        assert "status 0" in wrong, wrong
    sampled = (folder / "right.png").read_bytes()
    files = sorted({path.name for path in (run / "checkpoints").rglob("*") if path.is_file()})
    for number, name in enumerate(files):
        for how in ("cut", "gone"):
            copy = _copy(run, folder / f"checkpoint-{number}-{how}")
            for path in [path for path in (copy / "checkpoints").rglob(name) if path.is_file()]:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]) if how == "cut" else path.unlink()
            case = _sample("checkpoints with a file cut or gone", copy)
            yield case._replace(right=(copy / "out.png", sampled))
    shutil.rmtree(_copy(run, folder / "none") / "checkpoints")
    yield _sample("checkpoints", folder / "none")
    for entry in (_copy(run, folder / "strays") / "checkpoints").iterdir():
        shutil.rmtree(entry)
    for stray in ("9999", "20 copy", "x"):
        (folder / "strays" / "checkpoints" / stray).mkdir()
    yield _sample("checkpoints", folder / "strays")


def of_commands(run: pathlib.Path, made: pathlib.Path) -> Iterator[Case]:
    """Options of the commands on a good run."""
    good = (f"--workdir={run}", f"--output={made}/x.png")
    options = _words(
        """
        --num=0 --num=-1 --num=abc --num=1e9 --num=1000000000 --num= --label=3 --format=gif --seed=-1
        --seed=x --step=99 --step=x --nmu=3 --text=blue --target=b word --num --output --seed=4294967296
        """
    )
    for option in options:
        yield Case("options of commands", "jaxgan", ("sample", *good, option))
    yield Case("options of commands", "jaxgan", ("sample",))
    for place in ("nowhere", "README.md", "docs", "/dev/null", ""):
        for command in ("sample", "evaluate", "explore", "judge"):
            yield Case("options of commands", "jaxgan", (command, f"--workdir={place}"))
    for command in ("sampel", "translate", "upscale", "classify", "--nothing", "map"):
        yield Case("options of commands", "jaxgan", (command, *good))
    for options in (
        ["--metrics=fdi"],
        ["--metrics=fid", "--features=nothing"],
        ["--metrics=fid", "--features=digits", "--num=0"],
        ["--metrics=fid", "--features=digits", "--num=x"],
        ["--metrics="],
        ["--metrics=fid", "--features=digits", "--reference=nowhere"],
        ["--metrics=fid", "--features=digits", "--output=/proc/x"],
    ):
        yield Case("options of commands", "jaxgan", ("evaluate", f"--workdir={run}", *options))
    for place in ("nowhere", "README.md", "/dev/zero", str(ROOT / "docs" / "data.md")):
        yield Case("options of commands", "jaxgan", ("judge", *good, f"--input={place}"))
    for players in ("generater", "nobody", ":", ""):
        flags = (f"--config={TINY}", f"--workdir={made}", f"--init_from={run}:{players}")
        yield Case(
            "weights of other runs", "train.py", flags if players else (*flags[:2], f"--init_from={run}/samples")
        )
    other = (f"--config={TINY.replace('dcgan', 'wgan_gp')}", f"--workdir={made}", f"--init_from={run}")
    yield Case("weights of other runs", "train.py", other)
    for field in ("seed=9", "batch_size=16", "players.generator.network.width=9", "data.image_size=16", "steps=1"):
        flags = (f"--config={TINY}", f"--workdir={run}", "--config.steps=4", f"--config.{field}")
        yield Case("a folder of another run", "train.py", flags)


def _copy(run: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    shutil.copytree(run, place)
    return place


def _sample(kind: str, run: pathlib.Path) -> Case:
    return Case(kind, "jaxgan", ("sample", f"--workdir={run}", "--num=1", f"--output={run}/out.png"))
