"""The client of a running server: readiness, acceptance, chat."""
