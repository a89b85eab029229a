"""Each defence taken out in turn: the test of its attack has to fail then, or it proves nothing."""
