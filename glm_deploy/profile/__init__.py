"""Profiles: data that says what to launch and on which evidence; no templates, no expressions."""
