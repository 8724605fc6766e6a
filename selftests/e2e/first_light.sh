#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The scenario of `make run` with smaller numbers, every claim a test point: ATTACKS 1 to 5 as a
# flood and by attackers that finish the handshake, control without protection, refusals each with
# its reason, SIGKILL during the flood, adoption of the pins.
set -o pipefail

e2e=$(cd "$(dirname "$0")" && pwd)
for part in ../lib/ktap ../lib/netns ../lib/pki ../lib/broker stage devices \
	scenario scenario_kill module; do
	. "$e2e/$part.sh"
done
need_root
need_command mosquitto mosquitto_pub mosquitto_sub nft jq openssl ss

FLOOD_CONTROL=30000 FLOOD_COUNT=300000 FLOOD_RATE=30000 FLOOD_KILL=400000
FLOOD_SOURCES=100000 ATTACKERS=200 MESSAGES=30 GAP=0.05
MODULE=

claim() {
	check "$@"
}

scene() {
	diag "$*"
}

live_begin() {
	:
}

live_end() {
	:
}

plan 37
WORK=$(scratch)
on_exit rm -rf "$WORK"
chgrp mqgate "$WORK" && chmod 0750 "$WORK"
export MQGATE_BPFFS=/sys/fs/bpf/mqgate-test-$$ MQGATE_RUN=/run/mqgate-test-$$
install -d -o root -g mqgate -m 0770 "$MQGATE_RUN"
on_exit rm -rf "$MQGATE_RUN" "$MQGATE_BPFFS"

stage() {
	stage_network && stage_pki "$WORK/pki" && stage_config "$WORK/mqgate.yaml" "$WORK/pki" &&
		broker_start broker "$WORK" '*' 1883 && stage_warm
}
check "three namespaces, a PKI and mosquitto stand" stage || exit 1
gateway_mac=$(ns_mac gateway gw0)

scene_control && scene_protected && scene_kill
[ $ktap_failed -eq 0 ] || diag "mqgated said: $(tail -n 20 "$WORK/mqgated.log")"
finish
