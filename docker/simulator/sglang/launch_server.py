"""Makes `python3 -m sglang.launch_server …` start the simulator."""

import sys

from glm_deploy.simulator.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
