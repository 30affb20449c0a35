from model.synthetic.relaxation import FAT_T1_MS, RELAXATION


def test_values_are_physical() -> None:
    for one in RELAXATION.values():
        assert 0 < one.t2_ms < min(one.t1_ms)
        assert one.t1_ms[0] <= one.t1_ms[1]
        assert 0 <= one.density <= 1
        assert 0 <= one.fat <= 1
    assert FAT_T1_MS[0] < FAT_T1_MS[1]
