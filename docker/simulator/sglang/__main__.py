"""Makes `sglang serve …` start the simulator."""

import sys

from glm_deploy.simulator.__main__ import main

if sys.argv[1:2] != ["serve"]:
    sys.exit("sglang: the simulator knows one command: sglang serve")
sys.exit(main(sys.argv[2:]))
