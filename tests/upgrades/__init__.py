"""What versions issued or stored beside messages: `kept/` holds each form, and the newest code takes all of them.

`python -m tests.upgrades` writes the forms of today that are not there yet. Kept for ever: none is written anew.
"""
