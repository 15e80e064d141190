"""What a config's lists of names say where they cannot be followed: `metrics`, and `pictures`."""

from collections.abc import Collection

from jaxgan.errors import ConfigError, nearest


def check_known(field: str, name: str, known: Collection[str]) -> None:
    """Raises a ConfigError for a name in `config.FIELD` that is not among the known ones."""
    if name not in known:
        raise ConfigError(f"config.{field} names {name!r}, which is unknown: {nearest(name, known)}")


def check_possible(field: str, name: str, obstacle: str) -> None:
    """Raises a ConfigError for a name in `config.FIELD` that something stands in the way of; "" is nothing."""
    if obstacle:
        raise ConfigError(f"config.{field} names {name!r}, but {obstacle}: leave it out")
