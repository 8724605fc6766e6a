#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make run IF= BROKER= CONFIG=`, in a namespace instead of on the machine's own interface: it asks,
# rolls back without a yes, and detaches at Ctrl-C.
for part in ../lib/ktap ../lib/netns ../lib/pki ../lib/broker stage session; do
	. "$(dirname "$0")/$part.sh"
done

need_root
need_command mosquitto jq nft ps
dir=$(scratch)
on_exit rm -rf "$dir"
chgrp mqgate "$dir" && chmod 0750 "$dir"
export MQGATE_BPFFS=/sys/fs/bpf/mqgate-test-$$ MQGATE_RUN=/run/mqgate-test-$$
on_exit rm -rf "$MQGATE_RUN" "$MQGATE_BPFFS"

stage() {
	stage_network && stage_pki "$dir/pki" && stage_config "$dir/mqgate.yaml" "$dir/pki" &&
		broker_start broker "$dir" '*' 1883 && mkfifo "$dir/answer"
}

start() {
	session_start "$dir" "$1" "/run/netns/$(ns_name gateway)" IF=gw0 \
		BROKER="${2:-$BROKER4:1883}" CONFIG="$dir/mqgate.yaml"
}

attached() {
	in_ns gateway ip link show dev gw0 | grep -q 'prog/xdp'
}

detached() {
	! attached
}

# Its answers come through a fifo that stays open, as a terminal does.
answer() {
	exec {line}<> "$dir/answer"
	start "$dir/answer" && session_says "type yes" && attached && echo "$1" >&$line
}

no_leads_to_nothing() {
	answer no && session_ends 20 && detached && [ "$(session_status)" != 0 ]
}

status_says() {
	in_ns gateway "$MQGATE_BUILD/mqgate" -j status | jq -e "$1"
}

plan 9
check "namespaces and a broker stand" stage || exit 1
check "it attaches, asks, and without a yes it detaches and fails" no_leads_to_nothing
check "a broker that the configuration does not name is refused" start /dev/null 192.0.2.1:1883
check "and the refusal says what is missing" \
	session_says 'its brokers: section needs address: "192.0.2.1:1883"'
check "with a yes it goes on" answer yes
check "mqgated serves in the foreground, with the interface guarded" \
	poll_until 20 status_says \
	'.daemon.listeners[0].name == "mqtts" and .interfaces[0].state == "attached"'
check "Ctrl-C ends it" session_interrupt
check "and detaches" detached
check "no process of it is left" session_empty
finish
