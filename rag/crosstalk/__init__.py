"""The lab: many users at once against a memory, and a checker that says who saw whose data."""
