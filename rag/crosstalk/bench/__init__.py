"""How fast logs are checked, strategies explored, and turns served."""
