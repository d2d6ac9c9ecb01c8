"""The event index: the logs of deployed deals in SQL, as positions, statements and a stream."""
