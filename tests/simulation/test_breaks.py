"""Each deliberate break of the code is found."""

from __future__ import annotations

import pytest

from tests.simulation import machine
from tests.simulation.breaks import find
from tests.simulation.broken_code import BREAKS, Break


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_a_break_of_the_code_is_found(broken: Break) -> None:
    with machine.silence():
        assert find(broken), "No story broke a promise."
