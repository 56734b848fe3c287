"""Rounds of :mod:`tests.cluster.faults`: one of each kind of fault.

``CHATD_ROUNDS`` is the number of rounds of each kind, the first seeds; see docs/durability.rst.
"""

import os
from pathlib import Path

import pytest

from tests.cluster.faults import play
from tests.cluster.harm import KINDS
from tests.durability.postgres import Cluster as Postgres

ROUNDS = int(os.environ.get("CHATD_ROUNDS", "0"))
SHORT = (0, 15, 16, 17, 18, 19, 13)  # one of each kind, whose faults do not last long
SEEDS = range(ROUNDS * len(KINDS)) if ROUNDS else SHORT


@pytest.mark.usefixtures("several")
@pytest.mark.timeout(300)  # a round ends itself before
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_told_twice_whatever_breaks(seed: int, tmp_path: Path, postgres: Postgres) -> None:
    found = play(seed, tmp_path, postgres)
    assert found == [], f"see {tmp_path}/history"
