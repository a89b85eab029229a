"""The conformance suite: each check both ways."""
