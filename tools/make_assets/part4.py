"""What Part 4 shows."""
