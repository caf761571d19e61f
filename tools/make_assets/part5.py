"""What Part 5 shows."""
