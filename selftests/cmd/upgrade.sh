#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate attach of another version of the program over one that is attached: on all interfaces at
# once, with maps kept, or carried over from an older ABI, and no packet unguarded.
. "$(dirname "$0")/stage.sh"
. "$(dirname "$0")/upgrade_stage.sh"
plan 29

# ---- one version over another ----
attach_three
put_allow 9 40000
before=$(xdp_id gw gw0)
was=$(map_id mqgate_sources)
check "the ban holds" drops gw0

cat > "$MQGATE_RUN/flood.py" << 'PY'
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from frame import frame
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("p0", 0))
data, sent, parent = frame(bytes.fromhex(sys.argv[2])), 0, os.getppid()
while not os.path.exists(sys.argv[1] + "/enough") and os.getppid() == parent:
	s.send(data)
	sent += 1
	if sent == 1:
		open(sys.argv[1] + "/begun", "w").close()
print(sent)
PY
cat > "$MQGATE_RUN/watch.py" << 'PY'
import os, socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
s.bind(("gw0", 0))
s.settimeout(0.2)
open(sys.argv[1] + "/watching", "w").close()
seen, parent = 0, os.getppid()
while not os.path.exists(sys.argv[1] + "/watched") and os.getppid() == parent:
	try:
		data, address = s.recvfrom(128)
	except socket.timeout:
		continue
	seen += address[2] != 4 and data[26:30] == bytes([192, 0, 2, 7])
print(seen)
PY
in_ns gw /usr/bin/python3 "$MQGATE_RUN/watch.py" "$MQGATE_RUN" > "$MQGATE_RUN/seen" &
watch=$!
on_exit stop $watch
poll_until 10 test -e "$MQGATE_RUN/watching"
in_ns peer /usr/bin/python3 "$MQGATE_RUN/flood.py" "$MQGATE_RUN" \
	"$(ns_mac gw gw0 | tr -d :)" > "$MQGATE_RUN/sent" &
flood=$!
on_exit stop $flood
poll_until 10 test -e "$MQGATE_RUN/begun"

says "a newer object replaces the program on all interfaces" 0 \
	"gw0: the program of 3 interfaces is replaced" with "$newer" attach gw0
after=$(xdp_id gw gw0)
check "it is another program" test "$after" != "$before"
is "in the driver and generic it is the same one" "$(xdp_id gw gw1)" "$after"
is "the modes stay" "$(for i in 0 1 2; do
	in_ns gw ip -j -d link show dev gw$i | jq -r '.[0].xdp.mode'; done | tr '\n' ' ')" "1 2 1 "
check "the twin for large packets is replaced, too" uses mqgate_sources gw2
is "the maps are the same" "$(map_id mqgate_sources)" "$was"
is "with their verdicts" "$(banned)" 192.0.2.7
is "and ALLOWed flows" "$(m -j status | jq .maps.mqgate_allow.entries)" 1
check "the ban holds, native" drops gw0
check "the ban holds, generic" drops gw1
check "no directory is left over" test ! -e "$MQGATE_BPFFS-next"
says "the same object again changes nothing" 0 "attached already" with "$newer" attach gw0
for i in 1 2 3 4 5; do
	gw attach gw1 > /dev/null
	with "$newer" attach gw0 > /dev/null
done
is "and back, and again, five times: still the newer one on all" \
	"$(xdp_id gw gw0) $(xdp_id gw gw1)" "$(bpftool -j prog show pinned "$MQGATE_BPFFS/prog" |
		jq -r '"\(.id) \(.id)"')"
touch "$MQGATE_RUN/enough"
wait $flood
sent=$(cat "$MQGATE_RUN/sent")
diag "$sent packets meanwhile"
poll_until 20 eval '[ "$(count_of source-banned)" -ge $sent ]'
touch "$MQGATE_RUN/watched"
wait $watch
check "packets arrived all the time" test "$sent" -gt 1000
check "each was counted in the maps that were kept" test "$(count_of source-banned)" -ge "$sent"
is "and none got past" "$(cat "$MQGATE_RUN/seen")" 0
says "a new interface brings the newer object to the others" 0 "is replaced" gw attach gw0
ns_link gw gw3 peer p3
says "with confirm it shares what they have" 1 "detached again" with "$newer" attach gw3 confirm
is "and nothing was replaced" "$(xdp_id gw gw0)" "$(xdp_id gw gw1)"

gw detach all > /dev/null

# ---- from an older ABI ----
check "an older version is attached" old_one
check "it drops by its own maps" drops gw0
says "its pins are refused, with the way on" 1 "mqgate attach IF" gw status
put_old 8 77
before=$(xdp_id gw gw0)
says "what this build has no place for is not thrown away" 1 \
	"mqgate_sources: this build has no place for old_note" gw attach gw0
is "and the older version stays" "$(xdp_id gw gw0)" "$before"
put_old 8 0
said=$(gw attach gw0 2>&1)
contains "attach carries it over" "$said" "of ABI 2 were carried over to $today"
is "with every verdict, field by field" \
	"$(m -j verdict list | jq -c 'sort_by(.source)[] |
		[.source, .action, .origin, .reason, .hits >= 5, .strikes]' | tr '\n' ' ')" \
	"$(printf '["192.0.2.%s","drop","operator","operator",true,3] ' 7 8)"
check "with the counters" test "$(count_of source-banned)" -ge 1
check "the program reads the new maps" uses mqgate_sources gw0

finish
