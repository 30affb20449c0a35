"""Signs and orthogonality of local frames."""

import numpy as np
import pytest

from model.synthetic.frame import Frame, between


def test_frame_is_a_rotation_with_the_documented_signs() -> None:
    frame = Frame.turned(np.zeros(3), 10.0, 5.0, 3.0)
    np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)
    assert frame.axes[2, 1] > 0  # head leans back
    assert Frame.turned(np.zeros(3), 0.0, 5.0).axes[2, 0] > 0  # head leans left
    assert Frame.turned(np.zeros(3), 0.0, 0.0, 3.0).axes[0, 1] > 0  # left side turns back
    point = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(frame.to_local(frame.to_patient(point)), point, atol=1e-12)
    middle = between(frame, Frame.turned((2.0, 0.0, 0.0), -10.0))
    np.testing.assert_allclose(middle.axes @ middle.axes.T, np.eye(3), atol=1e-12)
