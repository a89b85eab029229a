"""From an address to a client: addresses, pools, connections kept at hand, and what their errors mean."""
