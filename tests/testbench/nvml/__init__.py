"""Rigs that do not exist, asked through the real nvidia-ml-py: nvml.c answers from rigs.py."""
