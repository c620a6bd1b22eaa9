"""Seeds of a network's parts are reproducible, and neighbouring seeds share none."""

from tf_elepose.nn.seeds import derive


def test_seeds_of_parts_stay_the_same():
    # From NumPy's SeedSequence([3, part]), which NumPy keeps stable between versions: first weights stay the same.
    assert [derive(3, part) for part in range(3)] == [1576890651, 457190280, 960329833]
    assert all(isinstance(derive(0, part), int) and 0 <= derive(0, part) < 2**31 for part in range(100))


def test_neighbouring_seeds_share_no_part():
    """With seed + part, seed 0's second layer would start as seed 1's first."""
    derived = [derive(seed, part) for seed in range(30) for part in range(30)]
    assert len(set(derived)) == 900
