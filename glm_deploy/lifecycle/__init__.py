"""Brings a deployment up, finds it, shows its log and takes it down: in Docker, or as a process."""
