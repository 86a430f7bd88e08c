"""npm packages for tests, from a folder with package.json and lock file."""

import os
import pathlib
import shutil
import subprocess


def installed(folder):
    """A folder with the node_modules of `folder`, which stays for the next run."""
    root = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    cache = root / 'jsd' / folder.name
    stamp, lock = cache / 'installed-lock.json', folder / 'package-lock.json'
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        cache.mkdir(parents=True, exist_ok=True)
        for name in ('package.json', 'package-lock.json'):
            shutil.copy(folder / name, cache)
        # What packages would like to find beside them is not wanted: the lock file says what is.
        subprocess.run(['npm', 'ci', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'], cwd=cache,
                       check=True, capture_output=True)
        shutil.copy(lock, stamp)
    return cache
