"""What a network may be made of."""

import pytest

from model.networks import NetworkSpec


@pytest.mark.parametrize("size", [224, 226, 32, 0])
def test_sizes_that_would_need_padding_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="expected a multiple of 32 plus 1, for example 225"):
        NetworkSpec(patch_size=size)


def test_a_singlenet_has_one_channel() -> None:
    with pytest.raises(ValueError, match="singlenet has the channels L1, L2"):
        NetworkSpec(family="singlenet")
    with pytest.raises(ValueError, match="multinet has the channels foramen; expected one channel"):
        NetworkSpec(channels=("foramen",))


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01])
def test_dropout_keeps_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="is no share"):
        NetworkSpec(keep_probability=share)


def test_channels_double_until_their_cap() -> None:
    assert NetworkSpec().widths == (8, 16, 16, 16, 16, 16)
    assert NetworkSpec(first_channels=12, max_channels=32).widths == (12, 24, 32, 32, 32, 32)


@pytest.mark.parametrize(("least", "size"), [(1, 33), (33, 33), (34, 65), (225, 225), (226, 257)])
def test_a_fitting_size_is_the_smallest_that_is_enough(least: int, size: int) -> None:
    assert NetworkSpec().fitting(least) == size
    assert NetworkSpec(patch_size=size).patch_size == size
