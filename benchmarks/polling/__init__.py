"""When the end of a run is noticed, and how many requests that takes: a simulation in virtual time."""
