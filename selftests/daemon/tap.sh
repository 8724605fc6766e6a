#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Taps of a running mqgated: real devices publish through it to a real mosquitto, and what is tapped
# comes out in a file, at a socket and at a broker; what is not chosen, or redacted, does not.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_pub mosquitto_sub curl jq

# publish NAME TOPIC MESSAGE
publish() {
	in_ns gw mosquitto_pub -V 5 -q 1 -h 127.0.0.1 -p 8883 --cafile "$dir/pki/ca.pem" \
		--insecure --cert "$dir/pki/$1.pem" --key "$dir/pki/$1.key" -i "$1" -t "$2" -m "$3"
}

lines_are() {
	[ "$(wc -l < "$1")" = "$2" ]
}

# Waits for one line and keeps it.
collect() {
	in_ns gw /usr/bin/python3 ./collect.py "$@" &
	on_exit stop $!
}

tapped() {
	stage_config "$config"
	cat >> "$config"
}

bad() {
	tapped <<< "$1"
	"$MQGATE_BUILD/mqgated" -t -c "$config" 2>&1
}

plan 30
stage_init || exit 1
ns_add gw || exit 1
config=$dir/mqgate.yaml
for name in dev1 dev2; do
	pki_device "$dir/pki" "$name" || exit 1
done
mkdir "$dir/out.d" && chown mqgate: "$dir/out.d" || exit 1
readings=$dir/out.d/readings

contains "a place that is none is refused" "$(bad 'tap: [{name: a, to: "https://x"}]')" \
	'tap[0].to: "https://x" is no place'
contains "a filter that is none" "$(bad 'tap: [{name: a, to: "file:/x", topics: ["a/b#"]}]')" \
	'tap[0].topics[0]: "a/b#" is no topic filter'
contains "a topic with a wildcard" "$(bad 'tap: [{name: a, to: "mqtt:[::1]:1", topic: "a/#"}]')" \
	'tap[0].topic: "a/#" is no topic that can be published to'
contains "redaction of nothing" "$(bad 'tap: [{name: a, to: "file:/x", redact: [b]}]')" \
	'tap[0].redact: has no meaning without what: payload'

tapped <<-END
	tap:
	  - {name: readings, to: "file:$readings", topics: ["devices/+/t/#"], what: payload,
	     redact: [serial]}
	  - {name: meta, to: "mqtt:127.0.0.1:1884", identities: hash, direction: both}
	  - {name: local, to: "unix:$dir/out.d/sock", topics: ["alarm/#"]}
END
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
in_ns gw mosquitto_sub -h 127.0.0.1 -p 1884 -t 'mqgate/tap/#' > "$dir/meta" &
on_exit stop $!
poll_until 10 grep -qF 'mqgate/tap/#' "$dir/broker.log" || exit 1
check "it starts with three taps" mqgated_start gw "$config" || exit 1
check "a file and a broker are reached" poll_until 10 metric_is 'tap_up{tap="meta"}' 1
is "the file" "$(metric 'tap_up{tap="readings"}')" 1
is "a socket that is not there is not" "$(metric 'tap_up{tap="local"}')" 0
check "which is said" logged "tap local: $dir/out.d/sock: No such file or directory"

check "a device publishes" publish dev1 devices/dev1/t/x '{"v": 21, "serial": "S77"}'
check "another topic" publish dev1 devices/dev1/state on
check "an alarm, while nobody is there to hear it" publish dev2 alarm/fire 1
check "one line of three is in the file" poll_until 10 lines_are "$readings" 1
is "with who, what and the payload" \
	"$(jq -c '[.listener, .direction, .identity, .topic, .qos, .size, .json.v]' "$readings")" \
	'["tls","up","dev1","devices/dev1/t/x",1,26,21]'
is "without what is redacted" "$(jq -r .json.serial "$readings")" "***"
is "nobody but owner and group may read it" "$(stat -c '%U %a' "$readings")" "mqgate 640"
check "the broker has metadata of all three" poll_until 10 lines_are "$dir/meta" 3
refuse "in which no device is named" grep -q 'dev[12]' "$dir/meta"
refuse "and no payload is" grep -q 'S77\|"v"' "$dir/meta"
is "one device has one hash" "$(head -2 "$dir/meta" | jq -r .identity | sort -u | wc -l)" 1
is "the other another" "$(jq -r .identity "$dir/meta" | sort -u | wc -l)" 2

collect unix "$dir/out.d/sock" > "$dir/alarm"
check "the socket gets what has waited" poll_until 10 lines_are "$dir/alarm" 1
contains "the alarm" "$(cat "$dir/alarm")" '"topic":"alarm/fire"'
check "the counters say so" poll_until 10 metric_is 'tap_sent_total{tap="local"}' 1

# ---- another configuration

tapped <<-END
	tap:
	  - {name: readings, to: "file:$readings.2", topics: ["devices/+/state"], sample: 2}
	  - {name: network, to: "tcp:127.0.0.1:5170"}
END
collect tcp 5170 > "$dir/network"
check "a reload changes what is tapped" in_ns gw "$MQGATE_BUILD/mqgate" reload
for i in 1 2 3; do
	publish dev1 devices/dev1/state "$i"
done
check "one of two, in another file" poll_until 10 lines_are "$readings.2" 2
is "the first one is as it was" "$(wc -l < "$readings")" 1
is "counts go on by name" "$(metric 'tap_sent_total{tap="readings"}')" 3
check "a tap that is new" poll_until 10 lines_are "$dir/network" 1
is "one that has gone is told of no more" "$(metric 'tap_up{tap="meta"}')" ""
finish
