"""How soon many tasks start their runs under limits that only refusals show: a simulation in virtual time."""
