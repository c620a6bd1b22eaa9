"""Seeds of a network's parts: as reproducible as the whole's, and shared with no neighbour."""

from tf_elepose.nn.seeds import derive


def test_a_part_has_the_seed_it_had():
    # Of NumPy's SeedSequence([3, part]), which NumPy keeps from version to version: models start as they did before.
    assert [derive(3, part) for part in range(3)] == [1576890651, 457190280, 960329833]
    assert all(isinstance(derive(0, part), int) and 0 <= derive(0, part) < 2**31 for part in range(100))


def test_neighbouring_seeds_share_no_part():
    """With seed + part, seed 0's second layer would start as seed 1's first."""
    derived = [derive(seed, part) for seed in range(30) for part in range(30)]
    assert len(set(derived)) == 900
