"""A room of real people in front of one chat memory, which its presenter switches from wrong to right and back.

All that is said in it is made up here, and it is kept in this process for as long as the room lasts: no session of the
chat, no key in Redis. Nothing here reads a clock or starts a thread but `rooms`.
"""
