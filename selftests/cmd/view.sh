#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate status, stats, events, top and why, with real drops, with a stand-in for the daemon, and
# with client identifiers that would like to speak to the terminal.
. "$(dirname "$0")/stage.sh"
stage gw dev
need_command script
plan 50

says "without pins status ends with 1 and says how to attach" 1 "not attached: mqgate attach IF" \
	m status
is "as JSON, too" "$(m -j status | jq -c '[.program, .interfaces, .daemon, .module]')" \
	'[null,[],null,null]'

ns_link gw gw0 dev dev0
ns_addr gw gw0 192.0.2.1/24
ns_addr dev dev0 192.0.2.2/24
gw attach gw0 > /dev/null

says "status names program and ABI" 0 "mqgate_xdp, id $(xdp_id gw gw0), tag " gw status
says "and the interface with its mode" 0 "interface  gw0             native" gw status
says "and that no daemon runs" 0 "not running: filters go on with what is in the maps" gw status
is "services that are there without a configuration" \
	"$(m -j status | jq -r '.services[] |
		[.number,.name,.ports[],.kind,.mode,.unknown_flows] | join(" ")')" \
	"$(printf '%s\n' '1 mqtt 1883 mqtt enforce lenient' '2 mqtts 8883 mqtts enforce lenient')"
says "in another namespace the interface is not claimed" 0 "not in this network namespace" m status
says "stats of nothing" 0 "no packets so far" m stats

# A port that the operator leaves alone, and one that leads to another service.
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ports" key 0x5c 0x07 0 0 value 5 0 0 0
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ports" key 0xb3 0x22 0 0 value 255 0 0 0
is "ports are told by service" "$(m -j status | jq -c '[.services[] | [.number,.ports]]')" \
	'[[1,[1883]],[2,[]],[5,[1884]]]'

# A UDP service, narrowed to one network: kind, flags, one destination behind the first 80 bytes.
hex() {
	printf '%*s' $(($1 * 3)) '' | sed "s/   / 0x$2/g"
}
# The destinations are the last 256 bytes.
size=$(bpftool -j map show pinned "$MQGATE_BPFFS/mqgate_svc" | jq .bytes_value)
# shellcheck disable=SC2046
bpftool map update pinned "$MQGATE_BPFFS/mqgate_svc" key 6 0 0 0 value 0x63 0x6f $(hex 14 00) \
	17 0 0 0 0 0 0 0 4 0 0 0 $(hex 28 00) 1 0 0 0 $(hex 20 00) \
	$(hex $((size - 256 - 80 + 10)) 00) 0xff 0xff 192 0 2 0 $(hex 15 ff) 0 $(hex 224 00)
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ports" key 0x33 0x16 1 0 value 6 0 0 0
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ports" key 0x33 0x16 0 0 value 6 0 0 0
is "a UDP service, its port, fragments and destinations" \
	"$(m -j status | jq -c '.services[] | select(.number == 6) |
		[.name,.ports,.kind,.unknown_flows,.fragments,.destinations]')" \
	'["co",[5683],"coap","-","pass",["192.0.2.0/24"]]'
says "status says where it is narrowed to" 0 "only to 192.0.2.0/24" m status
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ports" key 0x33 0x16 1 0 value 0 0 0 0
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ports" key 0x33 0x16 0 0 value 0 0 0 0
# shellcheck disable=SC2046
bpftool map update pinned "$MQGATE_BPFFS/mqgate_svc" key 6 0 0 0 value $(hex "$size" 00)

# What a device sends that is no MQTT (ATTACKS.md 1, 12).
cat > "$MQGATE_RUN/talk.py" << 'PY'
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=64)
print("up", flush=True)
sys.stdin.read()
PY
mkfifo "$MQGATE_RUN/open"
exec 7<> "$MQGATE_RUN/open"
in_ns gw /usr/bin/python3 "$MQGATE_RUN/talk.py" 1883 < "$MQGATE_RUN/open" > /dev/null &
on_exit stop $!
poll_until 10 listening gw '*' 1883

# send HEX...: a connection each, and its first payload.
send() {
	in_ns dev /usr/bin/python3 -c '
import socket, sys
for payload in sys.argv[1:]:
	with socket.create_connection(("192.0.2.1", 1883), timeout=5) as s:
		s.sendall(bytes.fromhex(payload))
' "$@"
}

dropped() {
	m -j stats | jq "[.[] | select(.reason == \"$1\") | .packets] | add // 0"
}

counted() {
	[ "$(dropped "$1")" -ge 1 ]
}

send 108080808001
check "a drop is counted under its reason (ATTACKS.md 1)" poll_until 10 counted mqtt-length-encoding
says "stats says it in words" 0 "remaining length of five bytes or not minimal" m stats service mqtt
is "stats -j has what a script needs" \
	"$(m -j stats service 1 | jq -c '.[] | select(.reason == "mqtt-length-encoding") |
		[.service,.name,.passed,.packets >= 1,.bytes > 60,.would_drop]')" \
	'[1,"mqtt",false,true,true,0]'
says "passed packets are told as passed" 0 "passed  pass-control" m stats
says "a service that is none is refused" 1 "mqgate status lists them" m stats service nobody
check "status adds the drops up" test "$(m -j status | jq '.services[0].dropped')" -ge 1

# Without a daemon the ring buffer is read here.
event=$(timeout 10 "$mqgate" events count 1)
contains "events tells the drop" "$event" "dropped mqtt-length-encoding"
contains "with both ends" "$event" "192.0.2.2 "
contains "with the bytes" "$event" "108080808001"
contains "and what they mean" "$event" "MQTT CONNECT, remaining length of five bytes"
contains "what is no ASCII is a dot" "$event" "108080808001  |......|  MQTT"
send 474554202f20485454502f312e310d0a0d0a
is "an event as JSON (ATTACKS.md 12)" \
	"$(timeout 10 "$mqgate" -j events |
		jq -c --unbuffered 'select(.reason == "mqtt-not-connect") |
		[.service,.source,.dport,.observed,.proven,(.bytes | .[:8])]' | head -n 1)" \
	'["mqtt","192.0.2.2",1883,false,true,"47455420"]'
exec 8> "$MQGATE_RUN/events.lock"
flock 8
says "a second reader is told of the first" 1 "another mqgate holds it" timeout 20 "$mqgate" \
	events count 1
exec 8>&-

# The live view.
frame=$(m top interval 50ms count 1)
contains "a frame has the service" "$frame" "mqtt            1883           enforce"
contains "and the reasons" "$frame" "mqtt-length-encoding"
is "without a terminal there are no escape sequences" \
	"$(m top interval 50ms count 1 | grep -c $'\033')" 0
is "two frames are two" "$(m top interval 50ms count 2 | grep -c '^mqgate ')" 2
is "frames as JSON" "$(m -j top interval 50ms count 2 | jq -s -c 'map(.services[0].name)')" \
	'["mqtt","mqtt"]'
screen=$(script -qec "$mqgate top interval 50ms count 1" /dev/null < /dev/null)
contains "on a terminal it takes the other screen" "$screen" $'\033[?1049h'
contains "and gives it back" "$screen" $'\033[?25h\033[?1049l'
"$mqgate" top > "$MQGATE_RUN/top" &
top=$!
on_exit stop $top
poll_until 10 grep -q enforce "$MQGATE_RUN/top"
kill -INT $top
check "Ctrl-C ends it with 0" wait $top

# Who is dropped most: 192.0.2.2, with what it sent above, and then banned.
source_of() {
	m -j top interval 50ms count 1 |
		jq -c '.sources[] | select(.source == "192.0.2.2") | '"$1"
}
is "the top sources are told, with reason and error" \
	"$(source_of '[.packets >= 2, .error, .service, .verdict]')" '[true,0,"mqtt",null]'
contains "and shown" "$(m top interval 50ms count 1)" "TOP SOURCES"
gw verdict add 192.0.2.2 drop 1h > /dev/null
in_ns dev /usr/bin/python3 -c '
import socket
s = socket.socket()
s.settimeout(0.2)
s.connect_ex(("192.0.2.1", 1883))
'
is "with the verdict that holds for them" "$(source_of '[.verdict.action, .verdict.origin]')" \
	'["drop","operator"]'
contains "in words" "$(m top interval 50ms count 1)" "drop by operator"
gw verdict flush > /dev/null
says "an interval of nothing is refused" 2 "from 50ms to 1h" m top interval 0

# What a daemon tells.
answers=$(scratch)
on_exit rm -rf "$answers"

# told NAME: what the daemon says to that, from standard input; a line an object.
told() {
	jq -c . > "$answers/$1"
}

told status << 'JSON'
{"ok": true, "version": "0.1.0", "abi": 1, "pid": 4711, "uptime": 61.5, "config": "x", "workers": 2,
 "pins": true, "pins_error": "", "sources_scored": 3, "sessions": 9,
 "listeners": [{"name": "mqtts", "address": "0.0.0.0:8883", "kind": "mqtts", "sessions": 9,
		"accepted": 12, "refused": 3, "broker": "main"}],
 "brokers": [{"name": "main", "address": "192.0.2.10:1883", "up": false, "connections": 8}]}
JSON
told why << 'JSON'
{"ok": true, "score": 30, "threshold": 100, "strikes": 1, "verdict": null,
 "evidence": [{"age": 2.5, "reason": "cert-revoked", "points": 25}],
 "sessions": [{"client_id": "dev\u001b]0;owned\u0007", "identity": "dev\u009b1",
	       "source": "192.0.2.2", "listener": "mqtts", "since": 3.0, "allowed": true}],
 "refusals": [{"age": 9, "source": "192.0.2.2", "client_id": "other", "identity": "dev",
	       "reason": "identity-client-id"}]}
JSON
told refusals << 'JSON'
{"ok": true,
 "refusals": [{"age": 9, "source": "192.0.2.2", "client_id": "a\u001b[2Jb", "identity": "dev",
	       "reason": "identity-client-id"}]}
JSON
told events << 'JSON'
{"ok": true}
{"time": 1700000000.25, "service": "mqtt", "reason": "mqtt-name", "source": "192.0.2.2", "sport": 5,
 "daddr": "192.0.2.1", "dport": 1883, "ifindex": 2, "observed": true, "proven": false, "length": 16,
 "bytes": "100e00044d515454550402003c000161"}
{"lost": 7}
JSON
daemon "$answers"

says "status tells of the daemon" 0 "pid 4711, up 1m 1s, 2 workers, 9 sessions" gw status
says "of its listeners" 0 \
	"listener mqtts on 0.0.0.0:8883 (mqtts): 9 sessions, 12 accepted, 3 refused, to main" gw \
	status
says "of its brokers" 0 "broker main at 192.0.2.10:1883: down, 8 connections" gw status
is "as JSON the daemon's answer is whole" \
	"$(m -j status | jq -c '[.daemon.pid, .daemon.sessions, .daemon.ok]')" '[4711,9,null]'
said=$(m why 192.0.2.2)
contains "why tells score and evidence" "$said" "30 of 100, strikes 1"
contains "refusals with their reason" "$said" \
	"identity-client-id, from 192.0.2.2, client other as dev"
contains "a client identifier cannot speak to the terminal" "$said" 'dev?]0;owned? as dev??1 from'
says "a client identifier is looked up, too" 0 "cert-revoked, 25 points" m why dev-1
contains "in the live view neither" "$(m top interval 50ms count 1)" "client a?[2Jb"
event=$(timeout 10 "$mqgate" events count 1)
contains "events come from the daemon" "$event" 'would drop mqtt-name'
contains "with their ASCII beside the hexadecimal" "$event" \
	'100e00044d515454550402003c000161  |....MQTTU...<..a|  MQTT CONNECT'
contains "decoded in the same way" "$event" 'remaining length 14, name "MQTT", level 85'
echo hang > "$answers/status"
says "a daemon that hangs does not hang status" 0 "does not answer" gw status
finish
