"""Known faults, each with the smallest test that shows it. xfail(strict) turns red as soon as a fault is gone: then
the mark goes and the test moves to its contract's file."""
