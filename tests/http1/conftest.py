"""The hooks and fixtures of tests/e2e, and its modules."""

import importlib.util
import pathlib
import sys

_E2E = pathlib.Path(__file__).resolve().parents[1] / 'e2e'
sys.path.insert(0, str(_E2E))
_spec = importlib.util.spec_from_file_location('e2e_conftest', _E2E / 'conftest.py')
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
globals().update({name: value for name, value in vars(_e2e).items() if not name.startswith('_')})
