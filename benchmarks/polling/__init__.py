"""When a run's end is seen, and how many requests that takes: a simulation in virtual time."""
