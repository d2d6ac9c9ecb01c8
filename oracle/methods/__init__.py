"""Methods by which nodes compute KPIs: one module each, listed in oracle.methods.register."""
