"""The demonstration: one deal from its file to the last claim, on a chain that it starts itself."""
