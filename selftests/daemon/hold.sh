#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sessions that outlive their broker, through mqgated: real clients publish QoS 1 to two mosquittos
# that share nothing, and one of these is killed. What a client was acknowledged is with one of
# them, which a subscriber at each tells that does not come through the gateway.

lib=$(dirname "$0")/../lib
# shellcheck source=../lib/ktap.sh
. "$lib/ktap.sh"
# shellcheck source=../lib/netns.sh
. "$lib/netns.sh"
# shellcheck source=../lib/pki.sh
. "$lib/pki.sh"
# shellcheck source=../lib/broker.sh
. "$lib/broker.sh"
# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

need_root
need_command openssl ip nsenter mosquitto mosquitto_pub mosquitto_sub curl prlimit jq node
id mqgate > /dev/null 2>&1 || skip_all "needs the user mqgate: sudo selftests/lib/setup.sh"
export NODE_PATH=${NODE_PATH:-/usr/share/nodejs}
node -e "require('mqtt')" 2> /dev/null || skip_all "needs MQTT.js: sudo selftests/lib/setup.sh"

# Publishes each line that it reads, and prints it when it was acknowledged. Never comes back.
script="
const mqtt = require('mqtt'), lines = require('readline').createInterface({input: process.stdin});
const client = mqtt.connect({host: '127.0.0.1', port: 2883, clientId: 'js', protocolVersion: 5,
	reconnectPeriod: 0});
let left = 0, over = false;
const end = () => { if (over && !left) client.end(); };
lines.on('line', line => { left++; client.publish('load', line, {qos: 1}, error => {
	if (error) process.exit(1);
	console.log(line); left--; end(); }); });
lines.on('close', () => { over = true; end(); });
client.on('close', () => process.exit(left ? 1 : 0));
"

# feed NAME: lines, some a millisecond, until $dir/stop is there
feed() {
	local n=0
	while [ ! -e "$dir/stop" ]; do
		echo "$1 $((++n))"
		read -rt 0.003 <> "$dir/never"
	done
	echo "$n" > "$dir/sent.$1"
}

# publisher NAME COMMAND...: sets its pid in pids; what it says is in $dir/said.NAME
publisher() {
	local name=$1
	shift
	feed "$name" | in_ns gw "$@" > "$dir/said.$name" 2>&1 &
	pids[$name]=$!
	on_exit stop "${pids[$name]}"
}

mosquitto_publisher() {
	publisher "$1" mosquitto_pub -h 127.0.0.1 -i "$1" -t load -q 1 -l -d "${@:2}"
}

# acked NAME: the lines that it was acknowledged
acked() {
	if [ "$1" = js ]; then
		cat "$dir/said.js"
	else
		sed -n "s/.*received PUBACK (Mid: \([0-9]*\), RC:0).*/$1 \1/p" "$dir/said.$1"
	fi
}

has_acked() {
	[ "$(acked "$1" | wc -l)" -ge "$2" ]
}

all_acked() {
	local name
	for name in "${!pids[@]}"; do
		has_acked "$name" "$1" || return 1
	done
}

# listener NAME PORT: all that it is sent is in $dir/got.NAME
listener() {
	in_ns gw mosquitto_sub -h 127.0.0.1 -p "$2" -i "$1" -t '#' -q "$3" > "$dir/got.$1" 2>&1 &
	on_exit stop $!
}

subscribed() {
	grep -qF "Sending SUBACK to $2" "$dir/$1/broker.log"
}

broker() {
	in_ns gw "$MQGATE_BUILD/mqgate" -j broker list | jq -r ".[0].$1"
}

went_on() {
	[ "$(broker lost)" -ge 2 ] && [ "$(broker resumed)" = "$(broker lost)" ] &&
		[ "$(broker held)" = 0 ]
}

has_last() {
	local name
	for name in "${!pids[@]}"; do
		grep -qx "$name $(cat "$dir/sent.$name")" "$dir/got.$1" || return 1
	done
}

plan 20
stage_init || exit 1
ns_add gw || exit 1
pki_device "$dir/pki" tls5 || exit 1
mkfifo "$dir/never"
config=$dir/mqgate.yaml
two='servers: [{address: "127.0.0.1:1884"}, {address: "127.0.0.1:1885"}]'
stage_config "$config" "s/address: \"127.0.0.1:1884\"/$two, slow_start: 0s/"
mkdir "$dir/one" "$dir/two"
broker_start gw "$dir/one" 127.0.0.1 1884 || exit 1
one_pid=$broker_pid
broker_start gw "$dir/two" 127.0.0.1 1885 || exit 1
check "it starts" mqgated_start gw "$config" || exit 1

listener tap1 1884 0
listener tap2 1885 0
check "a subscriber at one" poll_until 10 subscribed one tap1
check "and at the other" poll_until 10 subscribed two tap2
listener through 2883 1
declare -A pids
mosquitto_publisher plain4 -p 2883 -V mqttv311
mosquitto_publisher plain5 -p 2883 -V mqttv5
mosquitto_publisher tls5 -p 8883 -V mqttv5 --insecure --cafile "$dir/pki/ca.pem" \
	--cert "$dir/pki/tls5.pem" --key "$dir/pki/tls5.key"
publisher js node -e "$script"
check "four publish" poll_until 10 all_acked 50
is "to both servers" "$(broker "servers | map(.open > 1) | all")" true

kill -KILL "$one_pid"
check "one is killed: its sessions go on" poll_until 10 went_on
lost=$(broker lost)
contains "broker list says so" "$(in_ns gw "$MQGATE_BUILD/mqgate" broker list)" \
	"held: 0 sessions without a server, $lost lost theirs, $lost went on"
is "so do the metrics" "$(in_ns gw curl -s http://127.0.0.1:9883/metrics |
	sed -n 's/^mqgate_broker_held_resumed_total{broker="main"} //p')" "$lost"
before=$(acked js | wc -l)
check "all publish on" poll_until 10 all_acked $((before + 100))
touch "$dir/stop"
for name in plain4 plain5 tls5 js; do
	check "$name: ends in order" wait "${pids[$name]}"
	is "and was acknowledged all that it sent" "$(acked "$name" | sort -u | wc -l)" \
		"$(cat "$dir/sent.$name")"
done
is "each has connected once" "$(cat "$dir"/said.* | grep -c 'sending CONNECT')" 3
check "the last messages have come to who subscribed through the gateway" \
	poll_until 10 has_last through
poll_until 10 has_last tap2
for name in "${!pids[@]}"; do
	acked "$name"
done | sort -u > "$dir/acked"
is "acknowledged, and with no broker" \
	"$(sort -u "$dir/got.tap1" "$dir/got.tap2" | comm -23 "$dir/acked" - | wc -l)" 0
finish
