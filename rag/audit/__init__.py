"""The conformance suite for stores of conversations: does this store keep them apart, whole and lasting?"""
