"""What tells the same data from others, wherever they lie: how many records, and how bright a few of them are."""

from typing import Any

import numpy as np

from jaxgan.data.sources import Source


def contents(source: Source) -> dict[str, list[Any]]:
    """Plain values for `same_contents`.

    Returns:
        "records": the number of each part that is shuffled on its own; "means": of each array of each part's first, middle and
        last record.

    Raises:
        DataError: Too many records are unreadable.
    """
    means = []
    for part in source.parts:
        for index in (0, len(part) // 2, len(part) - 1):
            record = part[index]
            means += [float(np.mean(record[name], dtype=np.float64)) for name in sorted(record)]
    return {"records": [len(part) for part in source.parts], "means": means}


def same_contents(one: Any, other: Any) -> bool:
    """Whether two data look like the same; decoders that differ in a grey level are no difference.

    Args:
        one: From `contents`, by way of JSON, or anything else.
        other: From `contents`.
    """
    try:
        there, here = (np.asarray(each["means"], np.float64) for each in (one, other))
    except (KeyError, TypeError, ValueError):
        return False
    return one["records"] == other["records"] and there.shape == here.shape and np.allclose(there, here, 0.02, 0.02)
