"""A fee for each unit that a KPI counts: a kind of part that another package adds to Penstock."""
