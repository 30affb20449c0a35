"""The stream of training volumes: addressed by number, fair, resumable."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.synthetic import cache, stream
from model.synthetic.stream import Plan, draws
from tests.toy_scan import kept_subject


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(5):
        cache.save(kept_subject(seed), cache.path_of(tmp_path, seed))
    return tmp_path


def image(subject: Any, rng: np.random.Generator) -> Any:
    return subject.name, float(rng.random())


def taken(count: int, folder: Path, **options: Any) -> list[Any]:
    return list(islice(draws(3, folder, image=image, **options), count))


def test_a_draw_depends_on_seed_and_number_alone(folder: Path) -> None:
    whole = taken(30, folder)
    assert taken(10, folder, first=20) == whole[20:]
    assert taken(15, folder, first=1, step=2) == whole[1::2]
    assert list(islice(draws(4, folder, image=image), 30)) != whole


def test_every_subject_comes_equally_often() -> None:
    plan = Plan(subjects=6, seed=1, together=4, repeats=3)
    counted = Counter(plan.subject(number) for number in range(6 * 3 * 4))
    assert counted == dict.fromkeys(range(6), 12)


def test_a_window_holds_few_subjects() -> None:
    plan = Plan(subjects=100, seed=1)
    slots = plan.together * plan.repeats
    for window in range(5):
        numbers = range(window * slots, (window + 1) * slots)
        assert len({plan.subject(number) for number in numbers}) <= plan.together
        assert {plan.window(number) for number in numbers} == {window}


def test_subjects_are_read_once_a_window(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    load = cache.load

    def counted(path: Path) -> Any:
        read.append(path)
        return load(path)

    monkeypatch.setattr(stream.cache, "load", counted)
    taken(24, folder)
    assert len(read) == 4


def test_wrong_numbers_and_empty_folders_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="first -1, step 1"):
        draws(1, tmp_path, first=-1)
    with pytest.raises(ValueError, match="holds no subject"):
        draws(1, tmp_path)
    with pytest.raises(ValueError, match="no file of a subject"):
        draws(1, [])
