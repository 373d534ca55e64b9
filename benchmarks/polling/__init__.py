"""When a run's end is noticed, and what that costs in requests: a simulation in virtual time."""
