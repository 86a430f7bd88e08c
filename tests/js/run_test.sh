#!/bin/sh
# Runs a test module: run_test.sh SHELL [OPTION] FILE. Modules import each other by their real paths.
set -eu
exec "$@"
