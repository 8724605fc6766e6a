#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# hold: store, through mqgated: devices publish QoS 1 and 2 while there is no broker, are
# acknowledged, and go. mqgated is killed and started anew, then there is a broker, and who
# subscribes to it gets everything, QoS 2 once.

lib=$(dirname "$0")/../lib
# shellcheck source=../lib/ktap.sh
. "$lib/ktap.sh"
# shellcheck source=../lib/broker.sh
. "$lib/broker.sh"
# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_pub mosquitto_sub curl jq stdbuf

# feed NAME: its lines when $dir/go is there; ends when $dir/stop is
feed() {
	local i
	until [ -e "$dir/go" ] || [ ! -e "$dir/never" ]; do
		read -rt 0.02 <> "$dir/never"
	done
	for ((i = 1; i <= count; i++)); do
		echo "$1 $i"
	done
	until [ -e "$dir/stop" ] || [ ! -e "$dir/never" ]; do
		read -rt 0.02 <> "$dir/never"
	done
}

# publisher NAME QOS VERSION
publisher() {
	feed "$1" | in_ns gw stdbuf -oL mosquitto_pub -h 127.0.0.1 -p 2883 -i "$1" \
		-t "load/$1" -q "$2" -V "$3" -l -d > "$dir/said.$1" 2>&1 &
	pids[$1]=$!
	on_exit stop "${pids[$1]}"
}

connected() {
	[ "$(grep -l 'received CONNACK' "$dir"/said.* | wc -l)" = 4 ]
}

# has_heard NAME: that all it sent is taken
has_heard() {
	local word=PUBACK
	[ "${1%-*}" = one ] || word=PUBCOMP
	[ "$(grep -c "received $word" "$dir/said.$1")" = "$count" ]
}

all_heard() {
	local name
	for name in "${!pids[@]}"; do
		has_heard "$name" || return 1
	done
}

broker() {
	mqgate -j broker list | jq -r ".[0].$1"
}

broker_is() {
	[ "$(broker "$1")" = "$2" ]
}

wanted() {
	local name i
	for name in "${!pids[@]}"; do
		for ((i = 1; i <= count; i++)); do
			echo "$name $i"
		done
	done | sort
}

has_all() {
	[ "$(sort -u "$dir/got" | wc -l)" -ge $((4 * count)) ]
}

subscribed() {
	grep -q "Sending SUBACK to tap" "$dir/broker.log"
}

plan 23
count=50
declare -A pids
stage_init || exit 1
ns_add gw || exit 1
mkfifo "$dir/never"
config=$dir/mqgate.yaml
stage_config "$config" 's/address: "127.0.0.1:1884"/&, away: {hold: store}/' \
	's/^workers: 1/workers: 2/'
echo "store: {directory: $MQGATE_STATE/hold}" >> "$config"
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
check "it starts" mqgated_start gw "$config" || exit 1
publisher one-4 1 mqttv311
publisher one-5 1 mqttv5
publisher two-4 2 mqttv311
publisher two-5 2 mqttv5
check "four are connected" poll_until 10 connected || exit 1

broker_stop
check "the broker goes: they are held" poll_until 10 broker_is held 4
touch "$dir/go"
check "what they publish is acknowledged" poll_until 10 all_heard || exit 1
touch "$dir/stop"
for name in "${!pids[@]}"; do
	check "$name: goes in order" wait "${pids[$name]}"
done
check "what they have left is counted" poll_until 10 broker_is stored $((4 * count))
check "and no identifier is left that they have released" \
	poll_until 10 metric_is store_records $((4 * count))
contains "broker list says so" "$(mqgate broker list)" \
	"stored: $((4 * count)) messages of absent clients wait, 0 delivered, 0 refused"

kill -KILL "$mqgated_pid"
wait "$mqgated_pid" 2> /dev/null
check "killed, and started anew" mqgated_start gw "$config" || exit 1
is "it has all of them" "$(broker stored)" $((4 * count))
is "the metrics say where from" "$(metric store_adopted_total)" "$(metric store_records)"
is "and that nothing was delivered" "$(metric 'broker_stored_delivered_total{broker="main"}')" 0
mqgate broker drain main > "$dir/out.drain"
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
in_ns gw mosquitto_sub -h 127.0.0.1 -p 1884 -i tap -t 'load/#' -q 2 > "$dir/got" 2>&1 &
on_exit stop $!
check "there is a broker, and somebody subscribes" poll_until 10 subscribed
is "a broker that is drained is sent nothing" "$(broker stored)" $((4 * count))
mqgate broker resume main > "$dir/out.drain"
check "everything is there" poll_until 20 has_all
check "and is counted" poll_until 10 broker_is stored_delivered $((4 * count))
is "each message once" "$(diff <(sort "$dir/got") <(wanted) | head -3)" ""
is "in the order of each client" \
	"$(diff <(sort -s -k 1,1 "$dir/got") <(sort -k 1,1 -k 2n "$dir/got") | head -3)" ""
check "nothing is left in the store" poll_until 10 metric_is store_records 0
check "its connections end" poll_until 10 \
	grep -q 'Client mqgate-hold-.* disconnected\.' "$dir/broker.log"
finish
