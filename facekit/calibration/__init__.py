"""What a score is worth: the threshold, the probability, and what a poor picture does to both."""
