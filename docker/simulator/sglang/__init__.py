"""Stands where the real image has SGLang; everything it can do is in glm_deploy.simulator."""
