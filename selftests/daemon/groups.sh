#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Limits of groups in a running mqgated: real devices behind real certificates, the metrics, and a
# reload that takes a limit away from a client that waits for it.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_pub curl seq

# publish NAME COUNT: QoS 1, so that it ends when the broker has all.
publish() {
	seq "$2" | in_ns gw mosquitto_pub -q 1 -h 127.0.0.1 -p 8883 --cafile "$dir/pki/ca.pem" \
		--insecure --cert "$dir/pki/$1.pem" --key "$dir/pki/$1.key" -i "$1" -t t -l
}

paused() {
	in_ns gw curl -s http://127.0.0.1:9883/metrics |
		sed -n "s/^mqgate_group_reads_paused_total{group=\"$1\"} //p"
}

has_paused() {
	[ "$(paused "$1")" -gt "$2" ]
}

is_over() {
	! kill -0 "$1" 2> /dev/null
}

# configure LIMITS: of sensors
configure() {
	stage_config "$config"
	cat >> "$config" <<-END
	groups:
	  - {name: sensors, identities: ["sensor-*"], limits: {$1}}
	  - {name: all, identities: ["*"], limits: {bytes_rate: 100000000}}
	policies:
	  - {name: p, rules: [{allow: [connect]}, {allow: [publish], topics: ["#"]}]}
	END
}

plan 8
stage_init || exit 1
ns_add gw || exit 1
config=$dir/mqgate.yaml
for name in sensor-1 pump-1; do
	pki_device "$dir/pki" "$name" || exit 1
done
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
configure "messages_rate: 20, messages_burst: 10"
check "mqgated starts" mqgated_start gw "$config"
check "a device of another group publishes" publish pump-1 40
is "and waits for nobody" "$(paused sensors) $(paused all)" "0 0"
check "one of a slow group publishes as much" publish sensor-1 40
check "and has waited for its group" has_paused sensors 0
is "for that alone" "$(paused all)" 0

configure "messages_rate: 1, messages_burst: 1"
kill -HUP "$mqgated_pid"
before=$(paused sensors)
publish sensor-1 1000 &
waiting=$!
on_exit stop "$waiting"
check "after a reload one waits for longer" poll_until 10 has_paused sensors "$before"
configure "messages_rate: 100000, messages_burst: 100000"
kill -HUP "$mqgated_pid"
check "and after another it goes on at once" poll_until 10 is_over "$waiting"
finish
