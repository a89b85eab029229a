"""Faults made while real users talk to real processes: what they saw, what was kept, when all was well again."""
