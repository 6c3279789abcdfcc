"""What we know of SGLang: its command line by release, and what its boot log means."""
