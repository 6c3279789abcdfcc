"""Reads launches that somebody else wrote, judges them, and turns them into profiles."""
