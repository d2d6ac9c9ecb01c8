"""One module per instrument: what its deals show, and what can be done with them."""
