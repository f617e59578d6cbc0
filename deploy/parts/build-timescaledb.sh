#!/bin/bash
# Builds TimescaleDB's Apache edition against an unpacked PostgreSQL and installs it into that.
#   usage: build-timescaledb.sh TARBALL PG_CONFIG WORK_DIR
#   needs: gcc, make, cmake on PATH; LD_LIBRARY_PATH with PostgreSQL's libraries
set -euo pipefail
tarball=$1 pg_config=$2 work=$3
mkdir -p "$work"
tar -xf "$tarball" -C "$work" --strip-components=1
cmake -S "$work" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DPG_CONFIG="$pg_config" -DAPACHE_ONLY=1 \
  -DREGRESS_CHECKS=OFF -DTAP_CHECKS=OFF -DWARNINGS_AS_ERRORS=OFF -DUSE_TELEMETRY=OFF -DSEND_TELEMETRY_DEFAULT=OFF -DUSE_OPENSSL=0
make -C "$work/build" -j"$(nproc)"
make -C "$work/build" install
