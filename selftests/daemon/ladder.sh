#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The ladder of a source that keeps misbehaving, through XDP and the daemon: a LIMIT that XDP
# enforces, then DROP, each time twice as long, up to the longest. What a live session changes is in
# daemon.sh. Two namespaces, one veth pair; the lengths are seconds in place of minutes.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need bpftool jq

bad_name=100c00044d515455040200000000
bad_flags=1f0d00044d51545405020000000170
good=100c00044d515454040200000000

# client SOURCE PAYLOAD: to the plain listener; silence counts as an answer after a while.
client() {
	in_ns dev /usr/bin/python3 ./badclient.py "$1" 198.18.0.1 2883 1 "$2" 0.2 > /dev/null
}

# entry LAST-BYTE: action, strikes, length in seconds and rate of the verdict on 198.18.0.LAST-BYTE
entry() {
	bpftool -j map lookup pinned "$MQGATE_BPFFS/mqgate_sources" key hex \
		00 00 00 00 00 00 00 00 00 00 ff ff c6 12 00 "0$1" 2> /dev/null |
		jq -c '.formatted.value // empty |
			[.action, .strikes, ((.expires - .since) / 1e9 | round), .rate]'
}

plan 9
stage_init || exit 1
on_exit rm -rf "$MQGATE_BPFFS"
ns_add dev gw && ns_link dev d0 gw g0 || exit 1
ns_addr dev d0 198.18.0.2/24 198.18.0.3/24 && ns_addr gw g0 198.18.0.1/24 || exit 1
stage_config "$dir/mqgate.yaml" \
	's/^score:.*/score: {limit: 50, limit_rate: 1, half_life: 1h, ban: 2s, ban_max: 8s,'"`
	`"' weights: {mqtt-name: 10}}/'
in_ns gw "$MQGATE_BUILD/mqgate" attach g0 > /dev/null || exit 1
on_exit in_ns gw "$MQGATE_BUILD/mqgate" detach g0
check "the daemon starts" mqgated_start gw "$dir/mqgate.yaml" || exit 1

# ---- LIMIT: ten points each, from fifty to a hundred

limited() {
	client 198.18.0.3 $bad_name
	entry 3 > "$dir/entry"		# which is over in a moment
	grep -q LIMIT "$dir/entry"
}
check "evidence past the first threshold limits its source" poll_until 30 limited
is "for as long as a first ban, without a strike" "$(< "$dir/entry")" \
	'["MQGATE_ACTION_LIMIT",0,2,1]'
enforced() {
	limited
	client 198.18.0.3 $good
	in_ns gw "$MQGATE_BUILD/mqgate" -j stats |
		jq -e 'any(.[]; .reason == "source-limited" and .packets > 0)' > /dev/null
}
check "XDP holds it to that" poll_until 30 enforced

# ---- DROP: twenty-five points each

# dropped STRIKES: it misbehaves until it is banned for that time, counted from 1.
dropped() {
	client 198.18.0.2 $bad_flags
	entry 2 > "$dir/entry"
	grep -q "DROP\",$1," "$dir/entry"
}
lengths=(2 4 8 8)
for strike in 1 2 3 4; do
	poll_until 60 dropped $strike
	is "ban $strike is of ${lengths[strike - 1]} s" "$(< "$dir/entry")" \
		"[\"MQGATE_ACTION_DROP\",$strike,${lengths[strike - 1]},0]"
done
contains "both steps are counted" "$(in_ns gw curl -s http://127.0.0.1:9883/metrics |
	grep -E '^mqgate_(bans|limits)_total' | sed 's/ [1-9].*/ some/' | tr '\n' ' ')" \
	"mqgate_bans_total some mqgate_limits_total some"
finish
