"""From an address or a curl command to a chat that can be simulated against: described, and tried with a few turns."""
