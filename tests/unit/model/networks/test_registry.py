"""The registry: presets by name, and nothing heavy behind an import."""

import subprocess
import sys


def test_importing_the_light_modules_loads_no_tensorflow() -> None:
    code = (
        "import model.bundle, model.volume, model.order, model.networks, model.commands, sys;"
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'scipy.ndimage', 'pynetdicom'} "
        "& set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
