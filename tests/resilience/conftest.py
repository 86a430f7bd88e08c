"""What tests of hostile scripts have in common."""

import pathlib

import pytest

HOSTILE = pathlib.Path(__file__).resolve().parent / 'apps'


@pytest.fixture
def hostile(jsd):
    """hostile(name, settings={…}, …) starts a server on tests/resilience/apps/NAME."""

    def start(name, settings=None, **options):
        return jsd(HOSTILE / name, settings, **options)

    return start
