"""`penstock serve`: the service, and a demonstration's world of deals in mid-life on one chain."""
