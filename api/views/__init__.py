"""What routes and pages show, made of deal book, index and chain; knows nothing of HTTP."""
