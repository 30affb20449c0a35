"""Parameters counted without building the networks agree with the networks."""

import pytest

from model.localiser.count import coarse_parameters, fine_parameters
from model.localiser.spec import CoarseSpec, FineSpec

pytestmark = pytest.mark.xdist_group("tensorflow")
pytest.importorskip("tensorflow")

from model.localiser import coarse, fine  # noqa: E402


@pytest.mark.parametrize(
    "spec", [CoarseSpec(), CoarseSpec(widths=(8, 8, 16), stride=4), CoarseSpec(widths=(8, 16))]
)
def test_the_coarse_network(spec: CoarseSpec) -> None:
    assert coarse_parameters(spec) == coarse.build(spec).count_params()


@pytest.mark.parametrize("spec", [FineSpec(), FineSpec(shape=(3, 16, 16), widths=(8, 24))])
def test_the_fine_network(spec: FineSpec) -> None:
    assert fine_parameters(spec) == fine.build(spec).count_params()
