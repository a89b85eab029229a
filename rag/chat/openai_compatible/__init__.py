"""Any server that speaks OpenAI's chat completions: what is asked, what comes back, and what can go wrong."""
