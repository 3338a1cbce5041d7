#!/usr/bin/env bash
# Checks our /metrics text with Prometheus' own tool: promtool, unpacked from Debian's package without installing it or its service.
set -euo pipefail
cd "$(dirname "$0")/../.."
promtool=.build/promtool/usr/bin/promtool
if [ ! -x "$promtool" ]; then
  mkdir -p .build/promtool/download
  (cd .build/promtool/download && apt-get download -q prometheus)
  dpkg-deb -x .build/promtool/download/prometheus_*.deb .build/promtool
fi
swift build -c release --product wire-driver
"$(swift build -c release --show-bin-path)/wire-driver" metrics >.build/promtool/sample.txt
"$promtool" check metrics <.build/promtool/sample.txt
echo "promtool: the text is good"
