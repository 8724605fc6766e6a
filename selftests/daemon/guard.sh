#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What mqgate.yaml says of a port, as XDP finds it in mqgate_svc: after the start, after a reload
# that says something else, and after one that says nothing. No program is attached.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need bpftool jq

# guard NAME: what mqgate_svc has of the service: what begins, what is incomplete, resets.
guard() {
	bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_svc" | jq -c --arg name "$1" '
		.[].formatted.value | select(.name == $name) |
		[.source_rate, .source_burst, .service_rate, .service_burst],
		[.suspect_bytes, .suspect_segments, .suspect_ms],
		[(.flags / 8 | floor) % 2, .reset_rate]' | tr '\n' ' '
}

# limits: what mqgate_svc has of the routed service: bytes of a CONNECT, packets of ALLOWed flows.
limits() {
	bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_svc" | jq -c '
		.[].formatted.value | select(.name == "routed") |
		[.first_max, .allow_pps, .allow_burst]'
}

# config CONNECTS SUSPECT RESETS DATAGRAMS: for the listener "plain" and both services.
config() {
	stage_config "$config" \
		"s/^score:/$(printf '%s' "  - {name: sn, port: 1884, kind: mqtt-sn $4}")\n&/" \
		"s/    kind: mqtt\$/&\n    ${1:-# none}\n    ${2:-# none}\n    ${3:-# none}/" \
		"s/, when_daemon_away: closed/, ${1:+$1, }${2:+$2, }when_daemon_away: closed/"
	# "allow" stands between the services and "score".
	sed -i -e '/^allow:/d' "$config"
}

plan 17
stage_init || exit 1
ns_add gw || exit 1
stage_pins || exit 1
config=$dir/mqgate.yaml
defaults="[0,0,0,0] [0,1024,30000] [0,1000] "

config "connects: {per_source: 5, per_source_burst: 20, rate: 1000, burst: 4000}" \
	"suspect: {bytes: 4096, segments: 8, time: 2500ms}" \
	"on_malformed: reset\n    reset_rate: 77" \
	", datagrams: {per_source: 50, rate: 9}"
sed -i 's/port: 1883, kind: mqtt,/& connect_max: 4096, allow_pps: 7, allow_burst: 9,/' "$config"
check "it starts" mqgated_start gw "$config" || exit 1
is "a listener's budgets and resets are there" "$(guard plain)" \
	"[5,20,1000,4000] [4096,8,2500] [1,77] "
is "a routed service's" "$(guard routed)" "[5,20,1000,4000] [4096,8,2500] [0,1000] "
is "and its limits" "$(limits)" "[4096,7,9]"
is "a UDP service's" "$(guard sn)" "[50,0,9,0] [0,1024,30000] [0,1000] "
is "who says nothing has the defaults" "$(guard tls)" "$defaults"
status() {
	in_ns gw "$MQGATE_BUILD/mqgate" "$@" status
}
is "mqgate status tells of it" "$(status -j | jq -c '.services[] | select(.name == "plain") |
	[.begins.per_source, .begins.burst, .suspect.time, .on_malformed, .reset_rate]')" \
	'[5,4000,2.5,"reset",77]'
said=$(status)
contains "in words, too" "$said" "at most 5 a second of a source, 1000 of all (first payloads)"
contains "of datagrams" "$said" "at most 50 a second of a source, 9 of all (datagrams)"
contains "and of resets" "$said" "answered with resets, to clients at most 77 a second"
lease() {
	bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_svc" |
		jq '.[].formatted.value | select(.name == "routed") | .lease'
}
first=$(lease)
renewed() {
	[ "$(lease)" -gt "$first" ]
}
check "a lease is renewed" poll_until 10 renewed
is "and changes nothing else" "$(guard routed)$(limits)" \
	"[5,20,1000,4000] [4096,8,2500] [0,1000] [4096,7,9]"

config "connects: {rate: 3}" "suspect: {segments: 2}" "reset_rate: 5" ""
reload() {
	in_ns gw "$MQGATE_BUILD/mqgate" reload
}
check "a reload with other values" reload
is "they are there" "$(guard plain)$(guard routed)" \
	"[0,0,3,0] [0,2,30000] [0,5] [0,0,3,0] [0,2,30000] [0,1000] "
is "what is not said any more is gone" "$(guard sn)$(limits)" "$defaults[1048576,5000,10000]"
config "" "" "" ""
check "a reload without a word of it" reload
is "and all have the defaults" "$(guard plain)$(guard routed)$(guard sn)" \
	"$defaults$defaults$defaults"
finish
