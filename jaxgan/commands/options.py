"""The options of an ability's command, and their values: all of it follows from the ability's declaration."""

import argparse
import re
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jaxgan.core.abilities import (
    CHOICE,
    DOMAIN,
    GRAPH,
    IMAGES,
    LABEL,
    LATENTS,
    NUMBER,
    STRENGTH,
    TEXT,
    Ability,
    Argument,
)
from jaxgan.errors import UserError, nearest
from jaxgan.remote import is_remote, local
from jaxgan.training.mirror import readable
from jaxgan.validate import check_option

FORMATS = ("png", "npz", "folder")
MOST_SEEDS = 10_000
_NUMBER = 64
_INPUTS = ("--input", "--images", "--reference", "--labels_file")
_PLACES = (*_INPUTS, "--workdir", "--output", "--init_from")


class Parser(argparse.ArgumentParser):
    """Options whose errors are one line, as all others are; a part of an option's name is not taken for it.

    Args:
        subject: Whose options they are, for errors.
        reads: Whether what the options name is read: then places on object storage are fetched.
        **settings: argparse's own.
    """

    def __init__(self, subject: str = "this command", reads: bool = True, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        self._subject, self._reads = subject, reads

    def error(self, message: str) -> NoReturn:
        """Raises a UserError."""
        raise UserError(f"{message.removeprefix('argument ')}; --help lists the options")

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """argparse's own, with copies on this machine in the place of what lies on object storage.

        Raises:
            UserError: It cannot be read; or something is to be written there; or a place is empty.
        """
        args = sys.argv[1:] if args is None else list(args)
        for option in _PLACES:
            if f"{option}=" in args:  # as of a variable of the shell that is not set
                raise UserError(f"{option}= is empty: give a value, or leave it out")
        return super().parse_known_args(_here(args) if self._reads else args, namespace)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """argparse's own, but an unknown option is told the nearest."""
        asked, left = self.parse_known_args(args, namespace)
        if not left:
            return asked
        if not left[0].startswith("-"):
            raise UserError(f"{left[0]}: {self._subject} takes no word beside its options: write --OPTION=VALUE")
        options = [option for action in self._actions for option in action.option_strings]
        known = [option.removeprefix("--") for option in options if option not in ("-h", "--help")]
        name = left[0].partition("=")[0].removeprefix("--")
        # Short words are half alike by chance, as "text" and "step".
        raise UserError(f"{left[0]}: {self._subject} takes no --{name}: {nearest(name, known, 0.65)}")


def _here(arguments: Sequence[str]) -> list[str]:
    """Arguments whose places on object storage are copies on this machine."""
    found: list[str] = []
    for argument in arguments:
        flag, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
        option = flag or (found[-1] if found else "")
        if is_remote(value) and option == "--workdir":
            value = str(readable(value))
        elif is_remote(value) and option in _INPUTS:
            value = local(value)
        elif is_remote(value) and option == "--output":
            raise UserError(f"--output={value}: files are written on this machine: give a path, and copy it there")
        found.append(f"{flag}{equals}{value}")
    return found


def command_parser(command: str, description: str | None, **settings: Any) -> Parser:
    """The parser of `python -m jaxgan COMMAND`, whose help is printed as it is written."""
    return Parser(
        prog=f"python -m jaxgan {command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **settings,
    )


def run_parser(command: str, description: str | None, **settings: Any) -> Parser:
    """That of a command about a run."""
    parser = command_parser(command, description, **settings)
    common_options(parser)
    return parser


class Names:
    """What people call the classes and domains of a run.

    Args:
        classes: Of the labels.
        arrays: The names of the domains' arrays.
        domains: What the data call them; () for nothing else.
        mark: What stands before an option's name in errors; "" for arguments of Python.
    """

    def __init__(
        self, classes: Sequence[str] = (), arrays: Sequence[str] = (), domains: Sequence[str] = (), mark: str = "--"
    ) -> None:
        self.classes, self._mark = tuple(classes), mark
        # What people say is meant: folders b and c are the arrays a and b, and "b" is the first of them.
        self.domains = {name: name for name in arrays} | dict(zip(domains, arrays, strict=False))
        # The other way round: what to call each array in errors.
        self.called = {name: name for name in arrays} | dict(zip(arrays, domains, strict=False))

    def label(self, text: str) -> int:
        """The class that `--label` means: a name, or a number from 0 on.

        Raises:
            UserError: There is no such class.
        """
        if text in self.classes:
            return self.classes.index(text)
        if all(name.isdecimal() for name in self.classes):  # a number is a name: 1 of 1, ..., 12 is not the second
            raise UserError(f"{self._mark}label={text}: the classes are {self.listed}")
        number = int(text) if text.lstrip("-").isdecimal() else None
        if number is None:
            raise UserError(f"{self._mark}label={text}: there is no such class: {nearest(text, self.classes)}")
        if not 0 <= number < len(self.classes):
            raise UserError(f"{self._mark}label={text}: the classes are 0 to {len(self.classes) - 1}")
        return number

    @property
    def listed(self) -> str:
        """The classes, for the help and for errors."""
        if self.classes == tuple(str(index) for index in range(len(self.classes))):
            return f"0 to {len(self.classes) - 1}"
        return ", ".join(self.classes)

    def domain(self, option: str, text: str, choices: Sequence[str]) -> str:
        """The array of the domain that an option means.

        Raises:
            UserError: There is no such domain, or the ability does not take it here.
        """
        known = {called: array for called, array in self.domains.items() if array in choices}
        known |= {array: array for array in choices if array not in self.domains}
        if text not in known:
            names = [self.called.get(array, array) for array in choices]
            problem = f"no domain to be its {option}" if text in self.domains else "no such domain"
            raise UserError(f"{self._mark}{option}={text}: {problem}: {nearest(text, names)}")
        return known[text]

    def domains_of(self, option: str, text: str, argument: Argument) -> str | tuple[str, ...]:
        """`domain`; or, of several with commas between them, a tuple.

        Raises:
            UserError: One is none, or is named twice.
        """
        if "," not in text or text in self.domains:
            return self.domain(option, text, argument.choices)
        found = tuple(self.domain(option, part.strip(), argument.choices) for part in text.split(","))
        if len(set(found)) < len(found):
            raise UserError(f"{self._mark}{option}={text}: a domain is named twice: leave one out")
        return found

    def calls(self, choices: Sequence[str]) -> str:
        """Domains for the help: each array with what people call it, or that alone where the array is called as another is."""
        called = {array: self.called.get(array, array) for array in choices}
        return ", ".join(
            name if array == name or self.domains.get(array) != array else f"{array} ({name})"
            for array, name in called.items()
        )


def asked_run(arguments: Sequence[str], parser: Callable[..., Parser]) -> argparse.Namespace:
    """Which run a command is about, before its game says which other options there are.

    Args:
        arguments: The command's.
        parser: Makes its parser, with `common_options`; it takes argparse's own settings.

    Returns:
        workdir, step and trust, as `jaxgan.training.trained.load` takes them. Without a run the help is printed.

    Raises:
        UserError: Something is missing.
    """
    if not any(argument.startswith("--workdir") for argument in arguments):
        parser().parse_args(arguments)  # prints the help, or says what is missing
    return parser(add_help=False).parse_known_args(arguments)[0]


def common_options(parser: argparse.ArgumentParser) -> None:
    """Adds what every ability's command has."""
    parser.add_argument(
        "--workdir", required=True, help="the run's folder, or a .safetensors file that export or convert wrote"
    )
    parser.add_argument("--step", type=int, help="which checkpoint (default: the best, or the last if none was scored)")
    parser.add_argument("--trust", action="store_true", help="import the code of its own that the run's config names")


def own_options(parser: argparse.ArgumentParser, ability: Ability, names: Names) -> None:
    """Adds the options of an ability.

    Args:
        parser: The command's.
        ability: The declaration.
        names: What people call classes and domains.
    """
    from_images = bool(ability.kinds(IMAGES))
    for name, argument in ability.takes.items():
        option, settings = _option(name, argument, names)
        needed = argument.required and argument.kind != NUMBER
        parser.add_argument(f"--{option}", dest=name, required=needed, **settings)
    add = parser.add_argument
    add("--seed", type=int, help="the same seed gives the same result (default: 0)")
    if ability.kinds(NUMBER):
        help = (
            "instead of --num and --seed: one for each of these seeds, 0-35 or 1,5,7-9, the same whatever is beside it"
        )
        add("--seeds", help=help)
    if ability.gives == "images" and not from_images:
        add(
            "--format",
            choices=FORMATS,
            help="one grid, one NumPy file, or a file for each (default: as --output ends; png)",
        )
    if ability.gives == "images" and from_images:
        add("--output", type=Path, required=True, help="a new folder: a PNG of the same name for each image")
    elif ability.gives in ("class_logits", "scores"):
        add("--output", type=Path, help="a CSV file (default: to the terminal)")
    else:
        add("--output", type=Path, help="default: in WORKDIR/generated, under a name that says it all")


def static_options(parser: argparse.ArgumentParser, ability: Ability, names: Names) -> None:
    """Adds those options of an ability that are no arrays: domains, choices and strengths; `static_values` reads them."""
    for name in ability.kinds(DOMAIN, CHOICE, STRENGTH):
        option, settings = _option(name, ability.takes[name], names)
        parser.add_argument(f"--{option}", dest=name, **settings)


def static_values(asked: argparse.Namespace, ability: Ability, names: Names) -> dict[str, Any]:
    """The values of `static_options` that are given.

    Raises:
        UserError: One of them is out of range.
    """
    found: dict[str, Any] = {}
    for name in ability.kinds(DOMAIN, CHOICE, STRENGTH):
        value, argument = getattr(asked, name), ability.takes[name]
        if value is None:
            continue
        if argument.kind == STRENGTH:
            argument.check_strength(f"--{name}", value)
        found[name] = names.domain(name, value, argument.choices) if argument.kind == DOMAIN else value
    return found


def _option(name: str, argument: Argument, names: Names) -> tuple[str, dict[str, Any]]:
    """An argument's option, and what argparse is told of it."""
    if argument.kind == NUMBER:
        return "num", {"type": int, "help": f"{argument.help} (default: {_NUMBER})"}
    if argument.kind == STRENGTH:
        return name, {"type": float, "help": argument.help}
    if argument.kind == IMAGES:
        # The first images that an ability takes are its input; others are called by their name.
        return "input" if name == "images" else name, {
            "type": Path,
            "help": f"{argument.help}: a folder (or zip) of PNG, JPEG, WebP, of any size",
        }
    if argument.kind == LATENTS:
        return name, {"type": Path, "help": argument.help}
    if argument.kind in (TEXT, GRAPH):
        return name, {"action": "append", "help": f"{argument.help}; given several times, all in turn"}
    if argument.kind == CHOICE:
        return name, {"choices": argument.choices, "help": argument.help}
    if argument.kind == DOMAIN:
        more = (
            "; several with commas, each in a folder of its own"
            if argument.several and len(argument.choices) > 1
            else ""
        )
        return name, {"help": f"{argument.help}: {names.calls(argument.choices)}{more}".replace("%", "%%")}
    default = "" if argument.required else " (default: all in turn)"
    return name, {"help": f"{argument.help}: {names.listed}{default}".replace("%", "%%")}


def chosen_format(format: str | None, output: Path | None) -> str:
    """The format asked for, or the one that the name of `--output` ends in; png without both.

    Raises:
        UserError: The name ends in no known format.
    """
    if format is not None or output is None:
        return format or "png"
    suffix = output.suffix.lower().removeprefix(".")
    if suffix not in ("png", "npz"):
        raise UserError(
            f"--output={output} ends in neither .png nor .npz: rename it, or give --format={'|'.join(FORMATS)}"
        )
    return suffix


def read_seeds(option: str, text: str) -> tuple[int, ...]:
    """The seeds that an option names, "0-35" or "1,5,7-9", in the order in which they stand there.

    Raises:
        UserError: It names none, one twice, more than `MOST_SEEDS`, or what is no seed.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*", part)
        if match is None:
            raise UserError(f"--{option}={text}: {part!a} is neither a seed nor a range: write 0-35 or 1,5,7-9")
        first, last = int(match[1]), int(match[2] or match[1])
        check_option(option, max(first, last), "seed")
        if last < first:
            raise UserError(f"--{option}={text}: {part.strip()} runs backwards: write {last}-{first}")
        if len(found) + last - first >= MOST_SEEDS:
            raise UserError(f"--{option}={text} names more than {MOST_SEEDS} seeds: name fewer, or take --num")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        twice = next(seed for index, seed in enumerate(found) if seed in found[:index])
        raise UserError(f"--{option}={text} names {twice} twice: leave one out")
    return tuple(found)


def written_seeds(seeds: Sequence[int]) -> str:
    """Seeds for a file's name: "0-35", "1,5,7-9"; of very many the first, the last and what tells them from all others."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1][1:] = [seed]
        else:
            runs.append([seed])
    text = ",".join("-".join(map(str, run)) for run in runs)
    return text if len(text) <= 60 else f"{seeds[0]}_{seeds[-1]}_{zlib.crc32(text.encode()):08x}"


def values(asked: argparse.Namespace, ability: Ability, names: Names) -> dict[str, Any]:
    """The values of options that hold for all entries: numbers, strengths, domains, and a class; None where not given.

    `asked` then has the seed, and the seeds as a tuple.

    Raises:
        UserError: One of them is out of range.
    """
    given: Mapping[str, Any] = vars(asked)
    if given.get("seeds") is not None:
        counted = [given[name] for name in ability.kinds(NUMBER)]
        if asked.seed is not None or counted != [None]:
            raise UserError(f"--seeds={asked.seeds} says which and how many: leave out --seed and --num")
        asked.seeds = read_seeds("seeds", asked.seeds)
    asked.seed = 0 if asked.seed is None else asked.seed
    check_option("seed", asked.seed, "seed")
    found: dict[str, Any] = {}
    for name, argument in ability.takes.items():
        value = given[name]
        if argument.kind == NUMBER:
            value = len(given.get("seeds") or ()) or (_NUMBER if value is None else value)
            setattr(asked, name, value)
            check_option("num", value, "number")
        if argument.kind == STRENGTH and value is not None:
            argument.check_strength(f"--{name}", value)
        if argument.kind == DOMAIN and value is not None:
            value = (
                names.domains_of(name, value, argument)
                if argument.several
                else names.domain(name, value, argument.choices)
            )
        if argument.kind == LABEL and value is not None:
            value = names.label(value)
        if argument.kind not in (IMAGES, LATENTS, TEXT, GRAPH):
            found[name] = value
    return found
