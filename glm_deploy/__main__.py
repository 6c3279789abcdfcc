"""`python -m glm_deploy`: the same as the `glm-deploy` command."""

from glm_deploy.cli import main

main()
