"""All live sessions, page by page; the sweep of ended ones; the audit stream."""
