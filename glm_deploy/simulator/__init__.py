"""A stand-in for SGLang's server: same flags, log lines, endpoints and failures, and no GPU."""
