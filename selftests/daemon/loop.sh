#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The loop between XDP and the daemon: what XDP drops of a source that finished a TCP handshake is
# evidence, evidence becomes a ban, the ban is what XDP enforces next. And the maps may come and go
# under a daemon that runs. Two namespaces, one veth pair.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need bpftool

bad_name=100c00044d515455040200000000
good=100c00044d515454040200000000
unavailable=20020003

# client SOURCE COUNT PAYLOAD SECONDS: to the plain listener
client() {
	in_ns dev /usr/bin/python3 ./badclient.py "$1" 198.18.0.1 2883 "$2" "$3" "$4"
}

verdict_on() {
	ctl "{\"do\":\"why\",\"subject\":\"$1\"}" verdict.action 2> /dev/null
}

is_banned() {
	[ "$(verdict_on "$1")" = drop ]
}

pins() {
	ctl '{"do":"status"}' pins
}

pins_are() {
	[ "$(pins)" = "$1" ]
}

plan 25
stage_init || exit 1
on_exit rm -rf "$MQGATE_BPFFS"
ns_add dev gw && ns_link dev d0 gw g0 || exit 1
ns_addr dev d0 198.18.0.2/24 198.18.0.3/24 198.18.0.4/24 && ns_addr gw g0 198.18.0.1/24 || exit 1
stage_config "$dir/mqgate.yaml"

check "it starts before anything is attached" mqgated_start gw "$dir/mqgate.yaml" || exit 1
is "and has no maps" "$(pins)" false
check "XDP is attached under it" mqgate attach g0 || exit 1
on_exit mqgate detach g0
is "attach told the daemon, which has the maps at once" "$(pins)" true
contains "the configured listener is a service in XDP" \
	"$(bpftool map lookup pinned "$MQGATE_BPFFS/mqgate_svc" key 3 0 0 0)" '"name": "plain"'

/usr/bin/python3 ./ctl.py "$sock" --events 2 60 > "$dir/events" &
events=$!
on_exit stop $events
subscribed() {
	[ -s "$dir/events" ]
}
check "a reader of events is answered" poll_until 10 subscribed
is "a good CONNECT reaches the daemon, which has no broker here (CONNACK 3)" \
	"$(client 198.18.0.4 1 "$good" 5)" "$unavailable"
# XDP drops the payload: the client hears nothing and gives up. More than four, for two drops
# within a millisecond are sampled as one.
client 198.18.0.2 8 "$bad_name" 0.2 > "$dir/silence"
is "a malformed CONNECT is dropped in silence (ATTACKS 5)" \
	"$(sort -u "$dir/silence")" "..."
check "dropped CONNECTs of a proven source ban it" poll_until 10 is_banned 198.18.0.2
is "with the reason that XDP gave" \
	"$(ctl '{"do":"why","subject":"198.18.0.2"}' verdict.reason)" mqtt-name
read_two() {
	[ "$(wc -l < "$dir/events")" -eq 3 ]
}
check "the reader of events got them" poll_until 10 read_two
is "proven, with the first bytes" \
	"$(sed -n 2p "$dir/events" | /usr/bin/python3 -c 'import json, sys
e = json.load(sys.stdin)
print(e["proven"], e["source"], e["service"], e["reason"], e["bytes"][:24])')" \
	"True 198.18.0.2 plain mqtt-name ${bad_name:0:24}"
is "a good CONNECT of the banned source is dropped now" "$(client 198.18.0.2 1 "$good" 0.3)" "..."
is "and one of its neighbour is not" "$(client 198.18.0.3 1 "$good" 5)" "$unavailable"

ctl '{"do":"verdict-flush","origin":"daemon"}' > /dev/null
is "a flushed ban is gone from XDP" "$(client 198.18.0.2 1 "$good" 5)" "$unavailable"

# ---- what the configuration and the operator say of it

# What a program sends back (XDP_TX) a veth only takes where its peer has one, too.
in_ns dev ip link set dev d0 xdp obj "$MQGATE_OBJ" sec xdp > /dev/null 2>&1
stage_config "$dir/mqgate.yaml" \
	's/^    kind: mqtt$/&\n    on_malformed: reset\n    connects: {per_source: 1}/'
check "a reload with resets and a budget" mqgate reload
is "a malformed CONNECT is answered with a reset" "$(client 198.18.0.4 1 "$bad_name" 10)" "-"
is "CONNECTs beyond the budget are late, and answered" "$(client 198.18.0.3 3 "$good" 20)" \
	"$unavailable"$'\n'"$unavailable"$'\n'"$unavailable"
contains "for XDP dropped them at first" "$(mqgate stats service plain)" source-budget
mqgate verdict add 198.18.0.3 reset > /dev/null
is "a source with the verdict RESET is told so" "$(client 198.18.0.3 1 "$good" 20)" "-"
contains "by XDP" "$(mqgate stats service plain)" source-reset
mqgate verdict del 198.18.0.3 > /dev/null

# ---- maps that come and go

client 198.18.0.2 8 "$bad_name" 0.2 > /dev/null
check "it is banned again" poll_until 10 is_banned 198.18.0.2
mqgate detach g0 > /dev/null 2>&1
rm -rf "$MQGATE_BPFFS"
check "the daemon notices that the maps are gone" poll_until 10 pins_are false
mqgate attach g0 > /dev/null 2>&1
check "and that there are new ones" poll_until 10 pins_are true
check "the ban is in force in the new maps" is_banned 198.18.0.2
finish
