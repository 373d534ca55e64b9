from datetime import timedelta

from hex_emulator.clock import Clock


class RealTime:
    """Real time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_time_passes_at_the_clocks_speed() -> None:
    real = RealTime()
    clock = Clock(10, real)
    start = clock.now()
    real.seconds += 2
    assert clock.now() - start == timedelta(seconds=20)


def test_a_change_of_speed_keeps_what_has_passed() -> None:
    real = RealTime()
    clock = Clock(10, real)
    start = clock.now()
    real.seconds += 2
    clock.speed = 0
    real.seconds += 100
    assert clock.now() - start == timedelta(seconds=20)
    clock.speed = 1
    real.seconds += 3
    clock.advance(60)
    assert clock.now() - start == timedelta(seconds=83)
    assert clock.speed == 1


def test_a_reset_restores_the_first_speed() -> None:
    clock = Clock(10, RealTime())
    start = clock.now()
    clock.speed = 2
    clock.advance(86400)
    clock.reset()
    assert clock.speed == 10
    assert clock.now() - start < timedelta(hours=1)
