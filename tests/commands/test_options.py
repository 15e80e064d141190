"""Options of the commands follow from declarations, and what cannot be had is one line."""

import argparse
import pathlib
import sys

import numpy as np
import pytest

from jaxgan.commands import listing, options
from jaxgan.commands.inputs import read_latents
from jaxgan.core import Ability, Argument
from jaxgan.core.abilities import DOMAIN, IMAGES, LABEL, LATENTS, NUMBER, STRENGTH
from jaxgan.errors import UserError

ROOT = pathlib.Path(__file__).parents[2]


EVERYTHING = Ability(
    lambda nets, key, **arguments: None,
    {
        "number": Argument(NUMBER, "how many", required=True),
        "label": Argument(LABEL, "the class of each"),
        "strength": Argument(STRENGTH, "how much"),
        "row": Argument(STRENGTH, "where", bounds=(0.0, 1.0)),
        "target": Argument(DOMAIN, "where to", ("a", "b")),
    },
    gives="images",
)
NAMES = options.Names(("cat", "dog", "7"), ("a", "b"), ("summer", "winter"))


def parse(ability, arguments, names=NAMES):
    parser = options.Parser(subject="do of the game of RUN")
    options.own_options(parser, ability, names)
    asked = parser.parse_args(arguments)
    return asked, options.values(asked, ability, names)


def test_every_kind_of_argument_has_its_option():
    arguments = ["--num=3", "--label=dog", "--strength=0.5", "--row=0", "--target=winter", "--seed=4"]
    asked, given = parse(EVERYTHING, arguments)
    assert given == {"number": 3, "label": 1, "strength": 0.5, "row": 0.0, "target": "b"}
    assert (asked.seed, asked.format, asked.output) == (4, None, None)
    assert parse(EVERYTHING, [])[1] == {"number": 64, "label": None, "strength": None, "row": None, "target": None}
    assert parse(EVERYTHING, ["--label=2", "--target=a"])[1]["label"] == 2
    assert parse(EVERYTHING, ["--label=7"])[1]["label"] == 2  # a name before a number


def test_what_people_call_a_domain_is_not_the_letter_of_another():
    """Folders b, c and d are the arrays a, b and c."""
    names = options.Names((), ("a", "b", "c"), ("b", "c", "d"))
    found = {text: names.domain("target", text, ("a", "b", "c")) for text in "abcd"}
    assert found == {"b": "a", "c": "b", "d": "c", "a": "a"}
    assert names.called == {"a": "b", "b": "c", "c": "d"}
    assert names.domains_of("target", "b,d", Argument(DOMAIN, choices=("a", "b", "c"), several=True)) == ("a", "c")
    assert names.calls(("a", "b", "c")) == "a (b), c, d"
    for text, message in (("b", "no domain to be its target"), ("e", "no such domain: choose one of c, d")):
        with pytest.raises(UserError, match=message):
            names.domain("target", text, ("b", "c"))


def test_the_help_says_what_the_declaration_says():
    parser = argparse.ArgumentParser()
    options.own_options(parser, EVERYTHING, NAMES)
    text = " ".join(parser.format_help().split())
    for part in (
        "how many (default: 64)",
        "the class of each: cat, dog, 7 (default: all in turn)",
        "--strength STRENGTH how much",
        "where to: a (summer), b (winter)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num=0"], "--num=0, but it must be from 1 to 10,000,000"),
        (["--label=fog"], "--label=fog: there is no such class: did you mean 'dog'?"),
        (["--label=3"], "--label=3: the classes are 0 to 2"),
        (["--label=-1"], "--label=-1: the classes are 0 to 2"),
        (["--strength=0"], "--strength=0.0, but it must be above 0"),
        (["--row=1.5"], "--row=1.5, but it must lie in [0, 1]"),
        (["--row=nan"], "--row=nan, but it must lie in [0, 1]"),
        (["--target=sumer"], "--target=sumer: no such domain: did you mean 'summer'?"),
        (["--strenght=1"], "--strenght=1: do of the game of RUN takes no --strenght: did you mean 'strength'?"),
        (["--input=x"], "takes no --input"),
        (["extra"], "extra: do of the game of RUN takes no word beside its options: write --OPTION=VALUE"),
        (["--num=abc"], "--num: invalid int value: 'abc'; --help lists the options"),
        (["--target=x"], "--target=x: no such domain: choose one of summer, winter"),
    ],
)
def test_options_that_cannot_be_had(arguments, message):
    with pytest.raises(UserError) as caught:
        parse(EVERYTHING, arguments)
    assert message in str(caught.value)


def test_classes_that_are_called_numbers_are_meant_by_their_names():
    names = options.Names([str(number) for number in range(1, 5)])
    assert names.label("1") == 0 and names.label("4") == 3
    with pytest.raises(UserError, match=r"--label=0: the classes are 1, 2, 3, 4$"):
        names.label("0")


@pytest.mark.parametrize(
    ("format", "output", "found"),
    [
        (None, None, "png"),
        (None, "y.npz", "npz"),
        (None, "y.PNG", "png"),
        ("npz", "y", "npz"),
        ("folder", None, "folder"),
    ],
)
def test_the_format_follows_from_the_name_of_the_output(format, output, found):
    assert options.chosen_format(format, output and pathlib.Path(output)) == found


@pytest.mark.parametrize("output", ["y.jpg", "y"])
def test_a_name_of_no_format_is_refused(output):
    with pytest.raises(
        UserError, match=f"--output={output} ends in neither .png nor .npz: rename it, or give --format="
    ):
        options.chosen_format(None, pathlib.Path(output))


def test_images_come_from_a_folder_and_latents_from_a_file(tmp_path):
    takes = {"images": Argument(IMAGES, "images to judge", required=True)}
    asked, given = parse(Ability(None, takes, gives="scores"), ["--input=photos"])
    assert asked.images == pathlib.Path("photos") and given == {} and asked.output is None
    assert "format" not in vars(asked)
    takes = {"latents": Argument(LATENTS, "an .npz of latents", required=True)}
    asked, given = parse(Ability(None, takes, gives="images"), ["--latents=z.npz", "--format=npz"])
    assert asked.latents == pathlib.Path("z.npz") and given == {} and asked.format == "npz"
    np.savez(tmp_path / "z.npz", latents=np.ones((3, 4)), label=np.arange(3))
    latents, label = read_latents("latents", tmp_path / "z.npz", 4)
    assert latents.shape == (3, 4) and latents.dtype == np.float32 and label.tolist() == [0, 1, 2]
    with pytest.raises(UserError, match=r"holds latents \(3, 4\); expected an array latents \(N, 5\)"):
        read_latents("latents", tmp_path / "z.npz", 5)
    (tmp_path / "z.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"cannot be read: it is no \.npz, or damaged"):
        read_latents("latents", tmp_path / "z.npz", 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample"], "the following arguments are required: --workdir"),
        (["smaple"], "smaple: did you mean 'sample'"),
        (["smaple", "--num=3"], "an ability of a run's game needs --workdir=RUN"),
        (["sample", "--workdir="], "--workdir= is empty: give a value, or leave it out"),
        (["sample", "--workdir=x", "--step=abc"], "--step: invalid int value: 'abc'"),
        (["evaluate", "--features=foo"], "--features: invalid choice: 'foo'"),
        (["evaluate", "--metric=fid"], "--metric=fid: this command takes no --metric: did you mean 'metrics'"),
        (["weights", "x.pth", "--unverifed"], "takes no --unverifed: did you mean 'unverified'"),
    ],
)
def test_options_are_refused_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message):
        listing.main(arguments)


@pytest.mark.parametrize("option", ["workdir", "init_from"])
def test_an_empty_place_is_no_default(option, monkeypatch):
    """As a variable of the shell that is not set gives it: another folder, or no weights, were a silent mistake."""
    import train as program

    config = f"--config={ROOT / 'configs' / 'dcgan.py'}"
    monkeypatch.setattr(sys, "argv", ["train.py", config, "--config.steps=0", "--dry_run", f"--{option}="])
    with pytest.raises(UserError, match=f"--{option}= is empty: give a value, or leave it out"):
        program.main()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# Notes\n\nA GAN is a game.\n", r"notes\.md, line 3: invalid syntax: --config takes a file of Python"),
        (b"\xff\xfe\x91", "--config takes a file of Python, .* but this one is no text"),
    ],
)
def test_a_config_that_is_no_python_is_one_line(content, message, tmp_path, monkeypatch):
    import train as program

    (tmp_path / "notes.md").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["train.py", f"--config={tmp_path / 'notes.md'}"])
    with pytest.raises(UserError, match=message):
        program.main()


@pytest.mark.parametrize(
    ("latents", "label", "problem"),
    [
        ([[1.0, np.nan]], None, r"holds latents that are no finite numbers \(dtype float64\): draw them anew"),
        ([[1.0, 1e300]], None, "holds latents that are no finite numbers"),  # beyond float32
        ([["a", "b"]], None, r"holds latents that are no finite numbers \(dtype <U1\)"),
        ([[1j, 2.0]], None, "holds latents that are no finite numbers"),
        ([[1.0, 2.0]], [0.5], r"holds label \(1,\) of dtype float64; expected whole numbers \(1,\)"),
        ([[1.0, 2.0]], [0, 1], r"holds label \(2,\) of dtype int64; expected whole numbers \(1,\)"),
    ],
)
def test_latents_of_a_file_are_finite_numbers(tmp_path, latents, label, problem):
    arrays = {"latents": np.array(latents)} | ({} if label is None else {"label": np.array(label)})
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=problem):
        read_latents("latents", tmp_path / "x.npz", 2)
    np.savez(tmp_path / "x.npz", latents=np.array([[1, 2]]), label=np.array([3]))
    read, label = read_latents("latents", tmp_path / "x.npz", 2)
    assert read.dtype == np.float32 and read.tolist() == [[1.0, 2.0]] and label.tolist() == [3]
