"""What the command line of run.py chose; read by everything else."""
import os
from types import SimpleNamespace

_repository = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
options = SimpleNamespace(broker="warren", build=os.path.join(_repository, "build"), repository=_repository,
                          memory_scale=1.0, long=False)
