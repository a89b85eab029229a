"""What is made of outcomes: text, JSON, JUnit, a page, a reproduction."""
