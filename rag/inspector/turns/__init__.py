"""A session as its turns: question, what was found, the prompt as it was sent, answer; and what in it is foreign."""
