#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make run VM=1` inside the guest: selftests/e2e/run.sh with the module and with sizes for an
# emulated CPU, one point for the whole. Called by e2e/vm.sh through run.sh of this directory.
. "$(dirname "$0")/../lib/ktap.sh"

play() {
	bash ../e2e/run.sh
}

export MODULE=1 MQGATE_SLOW=5 LIVE_SECONDS=10
export FLOOD_CONTROL=4000 FLOOD_COUNT=30000 FLOOD_RATE=400 FLOOD_KILL=40000 FLOOD_SOURCES=10000
export ATTACKERS=50 MESSAGES=10 GAP=0.2

plan 1
echo "Linux $(uname -r) with the module, on an emulated CPU: $FLOOD_COUNT malformed packets from" \
	"$FLOOD_SOURCES sources, $ATTACKERS attackers, $MESSAGES messages a device"
echo "(make run without VM=1: 1200000, 100000, 1000, 100)"
if play; then
	ok "every claim held in the guest"
else
	not_ok "every claim held in the guest"
fi
finish
