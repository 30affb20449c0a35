"""Inside a node under test: the stand-in for the network, and the kill at a named step.

Nothing of the node is changed on disk. Functions are wrapped as their modules are loaded; each
counts how often it is passed and kills the whole process group, itself included, when its turn
has come. SIGKILL leaves nothing a chance to clean up.
"""

import functools
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.kill.points import POINTS, Point

_STAND_IN = "model.predictor"


def install(plan: str) -> None:
    """Prepare this process: `plan` is JSON with `point` (a name, or null), `pass` and `mark`.

    `mark` is a file that gets the name of the point before the kill.
    """
    wanted = json.loads(plan)
    point = next((each for each in POINTS if each.name == wanted["point"]), None)
    sys.meta_path.insert(0, _Finder(point, wanted["pass"], Path(wanted["mark"])))


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the ordinary finders find, and changes two modules once they are loaded."""

    def __init__(self, point: Point | None, turn: int, mark: Path) -> None:
        self._point, self._turn, self._mark = point, turn, mark

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _STAND_IN and not (self._point and name == self._point.module):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def load(module: ModuleType) -> None:
            execute(module)
            if name == _STAND_IN:
                module.load = _stand_in  # type: ignore[attr-defined]
            if self._point and name == self._point.module:
                _wrap(module, self._point, self._turn, self._mark)

        spec.loader.exec_module = load  # type: ignore[method-assign]
        return spec


def _stand_in(bundle: Any, device: str = "auto") -> Any:
    del device
    from tests.kill.stand_in import StandIn

    return StandIn(bundle)


def _wrap(module: ModuleType, point: Point, turn: int, mark: Path) -> None:
    *owners, name = point.attribute.split(".")
    owner: Any = module
    for each in owners:
        owner = getattr(owner, each)
    lock, passes = threading.Lock(), iter(range(1, sys.maxsize))

    def count() -> None:
        with lock:
            if next(passes) == turn:
                _kill(point, mark)

    setattr(owner, name, _counted(getattr(owner, name), point.when, count))


def _counted(function: Callable[..., Any], when: str, count: Callable[[], None]) -> Any:
    @functools.wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            count()
        result = function(*args, **kwargs)
        if when == "after" and result is not None and result is not False:
            count()  # what found nothing to do, such as a claim on an empty queue, is no step
        elif when == "after" and function.__annotations__.get("return") in (None, "None"):
            count()
        return result

    return counted


def _kill(point: Point, mark: Path) -> None:
    with mark.open("a") as file:
        file.write(f"{point.name}\n")
    os.killpg(0, signal.SIGKILL)
