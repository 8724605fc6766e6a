#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A broker of two servers behind mqgated: two mosquittos. `mqgate broker`, what status and metrics
# tell of servers, a change of them by reload, and one that is killed while a device publishes.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_pub curl jq

# server PORT FIELD: as the daemon tells it
server() {
	mqgate -j broker list | jq -r ".[0].servers[] | select(.address == \"127.0.0.1:$1\") | .$2"
}

server_is() {
	[ "$(server "$1" "$2")" = "$3" ]
}

# publish: one message of a device, with its own connection
publish() {
	in_ns gw timeout 10 mosquitto_pub -h 127.0.0.1 -p 8883 --cafile "$dir/pki/ca.pem" \
		--insecure --cert "$dir/pki/dev1.pem" --key "$dir/pki/dev1.key" -i dev1 -t x \
		-m y -q 1
}

plan 22
stage_init || exit 1
ns_add gw || exit 1
pki_device "$dir/pki" dev1 || exit 1
config=$dir/mqgate.yaml
two='servers: [{address: "127.0.0.1:1884", max_connections: 50}, {address: "127.0.0.1:1885"}]'
stage_config "$config" \
	"s/address: \"127.0.0.1:1884\"/$two, slow_start: 0s, health: {kind: mqtt, interval: 50ms}/"
mkdir "$dir/one" "$dir/two"
broker_start gw "$dir/one" 127.0.0.1 1884 || exit 1
one_pid=$broker_pid
broker_start gw "$dir/two" 127.0.0.1 1885 || exit 1
two_pid=$broker_pid
check "it starts" mqgated_start gw "$config" || exit 1

check "the servers are asked" poll_until 10 server_is 1885 checks_failed 0
check "publish reaches one" publish
is "made connections are told" \
	"$(mqgate -j broker list | jq '[.[0].servers[].made] | add')" 1
contains "as text, too" "$(mqgate broker list)" "0 of 50 open"
contains "with what is done" "$(mqgate broker list)" "main: least-connections, checks mqtt"
contains "status names them all" "$(mqgate status)" \
	"broker main at 127.0.0.1:1884, 127.0.0.1:1885: up"
is "drain" "$(mqgate broker drain main 127.0.0.1:1884)" "draining: main: 1 server"
is "is told" "$(server 1884 draining)" true
is "by the metrics as well" \
	"$(metric 'broker_server_draining{broker="main",server="127.0.0.1:1884"}')" 1
before=$(server 1885 made)
publish && publish
is "and nobody goes there" "$(server 1885 made)" $((before + 2))
is "resume" "$(mqgate broker resume main)" "takes clients again: main: 2 servers"
is "is told" "$(server 1884 draining)" false
said=$(mqgate broker drain main 127.0.0.1:9 2>&1)
is "a server that is none is refused" $? 1
contains "with the way to find it" "$said" "mqgate broker list shows all"

kill -KILL "$one_pid"
check "a publish meets no dead server" publish
check "that one is found dead" poll_until 2 server_is 1884 up false
is "and counted" "$(metric 'broker_server_up{broker="main",server="127.0.0.1:1884"}')" 0
broker_start gw "$dir/one" 127.0.0.1 1884
check "and is back when it is" poll_until 10 server_is 1884 up true
kill -KILL "$two_pid"
check "the other dies" publish

sed -i 's/{address: "127.0.0.1:1885"}/{address: "127.0.0.1:1886"}/' "$config"
mqgate reload > /dev/null
is "a reload changes the servers" \
	"$(mqgate -j broker list | jq -c '[.[0].servers[].address]')" \
	'["127.0.0.1:1884","127.0.0.1:1886"]'
check "the metrics are valid Prometheus text" /usr/bin/python3 ./promlint.py \
	<<< "$(in_ns gw curl -s http://127.0.0.1:9883/metrics)"
finish
