"""The networks' fixtures, for their transcriptions."""

from tests.networks.conftest import drawn  # noqa: F401
