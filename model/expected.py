"""What an honest answer to a scan is: points where there are foramina, or an abstention."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from model.index import Entry, Reader
from model.json_file import read_json

_ORDINARY_COUNT: Final = 5


@dataclass(frozen=True, slots=True)
class Expected:
    """What the truth of a scan says beside its points.

    Attributes:
        numbered: whether the levels can be told; not where S1 is transitional. Truth that says
            nothing of it has levels.
        lumbar_count: vertebrae without ribs; None when not known.
        outside: foramina that lie beyond the image; where the truth does not say it, none.
    """

    numbered: bool = True
    lumbar_count: int | None = None
    outside: tuple[str, ...] = ()

    @property
    def ordinary(self) -> bool:
        """Tell whether abstaining from the scan is a fault: five lumbar vertebrae, all clear."""
        return self.numbered and self.lumbar_count in (None, _ORDINARY_COUNT)


def of(reader: Reader) -> Expected:
    """Read what is expected of a case, from its truth; see `model.synthetic.truth`."""
    (what,) = reader.args if isinstance(reader, partial) else (None,)
    if isinstance(what, Entry):
        path = what.annotation
    elif isinstance(what, Path):
        path = what / "truth.json"
    else:
        return Expected()
    data = read_json(path) if path.is_file() else None
    if not isinstance(data, dict):
        return Expected()
    count = data.get("lumbar_count")
    return Expected(
        numbered=data.get("expected", "points") != "abstain",
        lumbar_count=count if isinstance(count, int) else None,
        outside=tuple(str(name) for name in data.get("outside") or ()),
    )
