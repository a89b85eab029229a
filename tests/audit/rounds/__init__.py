"""How sure a verdict is: each check, many times, at stores whose answer is known. `python -m tests.audit.rounds`."""
