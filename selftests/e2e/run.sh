#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make run`: shows mqgate at work, on namespaces, veth pairs, a PKI and a broker of its own, and
# takes all of it down again however it ends. Needs root and the packages of setup.sh; the
# Makefile sees to both, and builds. Settings from the environment:
#
#	KEEP=1					leave everything up and say where to look
#	IF=eth0 BROKER=host:port CONFIG=file	the real thing, see real.sh
#	MODULE=1				with the kernel module, where this kernel takes it
#	VM=1 [KERNEL=6.1|6.12]			with the module on Debian's kernel in QEMU: vm.sh
#	FLOOD_CONTROL= FLOOD_COUNT= FLOOD_RATE= FLOOD_KILL= FLOOD_SOURCES= ATTACKERS=
#	MESSAGES= GAP=				other sizes of the play
#
# Ends 0 only if every claim held.
set -u -o pipefail

e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$e2e/../.." && pwd)
export MQGATE_BUILD=${MQGATE_BUILD:-$top/build}

# shellcheck source=/dev/null
for part in ../lib/ktap ../lib/netns ../lib/pki ../lib/broker stage devices scenario \
	scenario_kill module live report real vm; do
	. "$e2e/$part.sh"
done

claims_made=0
claims_failed=0

scene() {
	printf '\n%s\n' "$*"
}

claim() {
	local text=$1
	shift
	claims_made=$((claims_made + 1))
	if ktap_run "$@"; then
		printf '  yes  %s\n' "$text"
		return 0
	fi
	claims_failed=$((claims_failed + 1))
	printf '  NO   %s\n' "$text"
	[ ! -s "$ktap_said" ] || sed 's/^/         /' "$ktap_said"
	return 1
}

give_up() {
	echo "make run: $*" >&2
	exit 1
}

# Pins and sockets of this run only: a gateway that works on this machine is not disturbed.
own_places() {
	local stale
	for stale in /sys/fs/bpf/mqgate-run-[0-9]* /run/mqgate-run-[0-9]*; do
		[ ! -e "$stale" ] || [ -d "/proc/${stale##*-}" ] || rm -rf "$stale"
	done
	export MQGATE_BPFFS=/sys/fs/bpf/mqgate-run-$$ MQGATE_RUN=/run/mqgate-run-$$
	install -d -o root -g mqgate -m 0770 "$MQGATE_RUN" || return 1
	on_exit rm -rf "$MQGATE_RUN"
	on_exit rm -rf "$MQGATE_BPFFS"
}

keep() {
	local ns
	ns=$(ns_name gateway)
	cat <<-END

	Everything is still up (KEEP=1). In another terminal, as root:

	  export MQGATE_BPFFS=$MQGATE_BPFFS MQGATE_RUN=$MQGATE_RUN
	  alias gw='nsenter --net=/run/netns/$ns'
	  gw $MQGATE_BUILD/mqgate status
	  gw $MQGATE_BUILD/mqgate why 198.18.2.1
	  gw $MQGATE_BUILD/mqgate top
	  bpftool map dump pinned $MQGATE_BPFFS/mqgate_sources
	  nsenter --net=/run/netns/$(ns_name devices) mosquitto_sub -h $GW4 -p 8883 -i dev01 \\
	      --cafile $WORK/pki/ca.pem --cert $WORK/pki/dev01.pem --key $WORK/pki/dev01.key -t '#'
	  less $WORK/mqgated.log $WORK/broker.log

	Ctrl-C here takes it down.
	END
	tail -f /dev/null &
	on_exit stop $!
	wait $!
}

[ "$(id -u)" = 0 ] || give_up "needs root (namespaces, BPF): sudo make run"
if [ -n "${VM:-}" ]; then
	in_guest
	exit
fi
if [ -n "${MODULE:-}" ]; then
	MODULE=1
	lacking=$(module_lacks)
	[ -z "$lacking" ] || give_up "MODULE=1: $lacking;" \
		"\`sudo make run VM=1\` plays it in a guest with a kernel and a module of its own"
fi
if [ -n "${IF:-}${BROKER:-}${CONFIG:-}" ]; then
	real_thing
	exit
fi

# The whole play, in a process group of its own.
play() {
	set +m
	trap ktap_cleanup EXIT
	trap 'exit 143' TERM
	: "${FLOOD_CONTROL:=200000} ${FLOOD_COUNT:=1200000} ${FLOOD_RATE:=60000}"
	: "${FLOOD_KILL:=900000} ${FLOOD_SOURCES:=100000} ${ATTACKERS:=1000}"
	: "${MESSAGES:=100} ${GAP:=0.1}"

	scene "Setting the stage: devices | gateway | broker, a PKI, mosquitto, 25 devices"
	WORK=$(scratch)
	on_exit rm -rf "$WORK"
	chgrp mqgate "$WORK" && chmod 0750 "$WORK" ||
		give_up "the account mqgate is missing: sudo selftests/lib/setup.sh install"
	ulimit -n "$(ulimit -Hn)"
	ns_reap
	own_places && stage_network && stage_pki "$WORK/pki" &&
		stage_config "$WORK/mqgate.yaml" "$WORK/pki" &&
		broker_start broker "$WORK" '*' 1883 && stage_warm ||
		give_up "the stage does not stand"
	gateway_mac=$(ns_mac gateway gw0)
	claim "the stage stands after $SECONDS s" true

	if scene_control && scene_protected && scene_kill; then
		report
	else
		echo
		echo "  Stopped: without that the rest means nothing. mqgated said:"
		tail -n 20 "$WORK/mqgated.log" 2> /dev/null | sed 's/^/    /'
	fi
	[ "${KEEP:-}" != 1 ] || keep
	[ "$claims_failed" -eq 0 ]
}

# bash forgets a SIGINT that comes in the moment in which a child of its own ends well; it never
# forgets a SIGTERM, nor any signal while it does nothing but wait. So that is what happens here.
player=
interrupted=
interrupt() {
	interrupted=yes
	[ -z "$player" ] || kill -TERM -- "-$player" 2> /dev/null
}
trap interrupt INT TERM HUP
set -m
play &
player=$!
set +m
[ -z "$interrupted" ] || interrupt
while :; do
	wait "$player"
	status=$?
	! gone "$player" || break
done
exit "$status"
