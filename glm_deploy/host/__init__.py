"""What is asked of the machine itself: NVML, Linux. The effects that become facts."""
