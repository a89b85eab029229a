"""Who talks while faults are made: users of the API, and visitors with the page in Chromium."""
