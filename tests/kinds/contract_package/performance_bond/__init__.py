"""An amount set aside by a contractor, which the owner of the works gets if they do not perform: a kind of
part of another package, with a contract of its own."""
