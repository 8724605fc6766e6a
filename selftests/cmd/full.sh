#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Maps that are full, of the least size that attach makes, and a ring buffer of one page: what the
# command says, what status shows and what is counted. What XDP makes of them is in
# bpf/xdp_full, what the daemon does in daemon/judge_test.
. "$(dirname "$0")/stage.sh"
stage gw dev
plan 23

ns_link gw gw0 dev dev0
ns_addr gw gw0 192.0.2.1/24
ns_addr dev dev0 192.0.2.2/24

# Attach takes over what is pinned: no word of it sizes the ring buffer.
mkdir -m 700 "$MQGATE_BPFFS"
bpftool map create "$MQGATE_BPFFS/mqgate_events" type ringbuf key 0 value 0 entries 4096 name \
	mqgate_events || skip_all "bpftool makes no ring buffer"
says "maps are made as small as they may be" 0 "attached" gw attach gw0 sources 1024 \
	prefixes 1024 allow 1024 flows 1024 budgets 1024
is "nothing is full" "$(m -j status | jq -c '[.maps[].full] | unique')" "[false]"
is "and no event lost" "$(m -j status | jq .events_lost)" 0

# ---- verdicts

/usr/bin/python3 - > "$MQGATE_RUN/list" << 'PY'
for i in range(1024):
	print(f"10.0.{i >> 8}.{i & 255}")
	print(f"172.{16 + (i >> 8)}.{i & 255}.0/24")
	print(f"2001:db8:{i:x}::/48")
PY
says "a list that just fits is loaded" 0 "3072 verdicts loaded" m verdict load "$MQGATE_RUN/list"
for one in "192.0.2.9 sources" "198.51.100.0/24 prefix4" "2001:db9::/48 prefix6"; do
	says "one more is refused by mqgate_${one#* }, with the remedy" 1 \
		"mqgate_${one#* } is full with 1024 verdicts; remove some (mqgate verdict flush)" \
		m verdict add "${one% *}" drop
done
says "what is there is replaced as ever" 0 "10.0.0.7: drop" m verdict add 10.0.0.7 drop 1h
said=$(m status)
contains "status says that sources are refused" "$said" \
	"1024 verdicts on sources of 1024 (FULL: further ones are refused)"
contains "and prefixes" "$said" "1024 on IPv6 prefixes of 1024 (FULL: further ones are refused)"
is "-j tells which" "$(m -j status | jq -r '.maps | to_entries[] | select(.value.full).key' |
	tr '\n' ' ')" "mqgate_sources mqgate_prefix4 mqgate_prefix6 "
m verdict flush > /dev/null
says "after a flush there is room" 0 "192.0.2.9: drop" m verdict add 192.0.2.9 drop 1h
m verdict flush > /dev/null

# ---- flows and budgets

# fill MAP KEY-BYTES VALUE-BYTES COUNT: entries that differ in the last bytes of an address.
fill() {
	/usr/bin/python3 - "$MQGATE_BPFFS/$1" "$2" "$3" "$4" > "$MQGATE_RUN/batch" << 'PY'
import sys
path, key, value, count = sys.argv[1], *map(int, sys.argv[2:])
for i in range(count):
	at = bytes(12) + i.to_bytes(4, "big") + bytes(key - 16)
	print("map update pinned", path, "key hex", at.hex(" "), "value hex", bytes(value).hex(" "))
PY
	bpftool batch file "$MQGATE_RUN/batch" || return 1
}
check "ALLOWed flows are written until there is no room" fill mqgate_allow 40 32 1024
refuse "and one more is refused" fill mqgate_allow 40 32 1025
check "undecided flows give way" fill mqgate_flows 40 56 3000
check "and so do budgets" fill mqgate_budgets 24 24 3000
said=$(m status)
contains "status says what that means for ALLOWed flows" "$said" \
	"1024 ALLOWed flows of 1024 (FULL: further ones are judged like any)"
contains "for undecided ones" "$said" "undecided flows of 1024 (full: the least used are forgotten)"
contains "and for budgets" "$said" "budgets of 1024 (full: the least used begin anew)"

# ---- events

mkfifo "$MQGATE_RUN/open"
exec 7<> "$MQGATE_RUN/open"
in_ns gw /usr/bin/python3 -c '
import socket
listener = socket.create_server(("0.0.0.0", 1883), backlog=64)
while True:
	listener.accept()[0].close()' < "$MQGATE_RUN/open" > /dev/null &
on_exit stop $!
poll_until 10 listening gw '*' 1883

# Each of a source that finished a handshake, and so an event a millisecond.
send_until_lost() {
	in_ns dev /usr/bin/python3 -c '
import socket
for _ in range(20):
	with socket.create_connection(("192.0.2.1", 1883), timeout=5) as s:
		s.sendall(bytes.fromhex("108080808001"))
'
	m -j stats | jq -e 'any(.[]; .reason == "mqtt-length-encoding" and .events_lost > 0)'
}
check "drops that nobody reads fill the ring buffer" poll_until 60 send_until_lost
contains "status says that events are lost, and why" "$(m status)" \
	"events of drops are lost: their buffer was full"
contains "stats says of which reason" "$(m stats service mqtt | grep ' lost ')" \
	"mqtt-length-encoding"
is "-j too, and every drop is counted" "$(m -j stats | jq -c '.[] |
	select(.reason == "mqtt-length-encoding") | [.events_lost > 0, .packets > .events_lost]')" \
	"[true,true]"
finish
