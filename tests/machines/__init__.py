"""Several replicas behind the shipped nginx, on engines of several machines. `python -m tests.machines` tries all."""
