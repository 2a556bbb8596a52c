"""The two usual ways to count, trained once for comparison: a box detector and a count regression."""
