"""The fixtures of tests/e2e, and what tests of hostile scripts have in common."""

import importlib.util
import pathlib
import sys

import pytest

_E2E = pathlib.Path(__file__).resolve().parent.parent / 'e2e'
sys.path.insert(0, str(_E2E))
_spec = importlib.util.spec_from_file_location('e2e_conftest', _E2E / 'conftest.py')
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
# Fixtures and hooks alike.
globals().update({name: value for name, value in vars(_e2e).items() if not name.startswith('_')})

HOSTILE = pathlib.Path(__file__).resolve().parent / 'apps'


@pytest.fixture
def hostile(jsd):
    """hostile(name, settings={…}, …) starts a server on tests/resilience/apps/NAME."""

    def start(name, settings=None, **options):
        return jsd(HOSTILE / name, settings, **options)

    return start


def pytest_addoption(parser):
    try:
        _e2e.pytest_addoption(parser)
    except ValueError:
        pass  # Run together with tests/e2e, which has added it.
