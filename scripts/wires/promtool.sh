#!/usr/bin/env bash
# Checks /metrics with Prometheus' own tool: the page of a daemon that flies robots, and a sample with awkward labels. promtool is
# unpacked from Debian's package without installing it or its service.
set -euo pipefail
cd "$(dirname "$0")/../.."
promtool=.build/promtool/usr/bin/promtool
if [ ! -x "$promtool" ]; then
  mkdir -p .build/promtool/download
  (cd .build/promtool/download && apt-get download -q prometheus)
  dpkg-deb -x .build/promtool/download/prometheus_*.deb .build/promtool
fi
programs=$(swift build -c release --show-bin-path)
"$programs/wire-driver" metrics >.build/promtool/sample.txt
"$promtool" check metrics <.build/promtool/sample.txt
PYTHONPATH=Envs/client:scripts/attack .venv/bin/python scripts/wires/page.py "$programs/uio2" >.build/promtool/daemon.txt
"$promtool" check metrics <.build/promtool/daemon.txt
echo "promtool: the texts are good"
