#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate attach and detach on real interfaces: modes, sharing, adoption, refusals. What is attached
# is asked of the kernel (ip, bpftool), not of the command.
. "$(dirname "$0")/stage.sh"
stage gw peer
need_command ethtool
plan 58

ns_link gw gw0 peer p0
ns_link gw gw1 peer p1
ns_link gw gw0.5 peer p5
in_ns gw ip link add bridge0 type bridge

pins() {
	[ -d "$MQGATE_BPFFS" ] && ls "$MQGATE_BPFFS" | tr '\n' ' '
}

mode_of() {
	in_ns gw ip -j -d link show dev "$1" | jq -r '.[0].xdp.mode // 0'
}

# uses_pinned IF: the program there reads the very maps that are pinned (constants, and the slot of
# the other flavour, aside).
uses_pinned() {
	local map id
	for map in "$MQGATE_BPFFS"/mqgate_*; do
		case ${map##*/} in
		mqgate_rodata) continue ;;
		mqgate_ext)	[ "${2:-plain}" = plain ] || continue ;;
		mqgate_ext_frag) [ "${2:-plain}" = frags ] || continue ;;
		esac
		id=$(bpftool -j map show pinned "$map" | jq .id)
		bpftool -j prog show id "$(xdp_id gw "$1")" | jq -e ".map_ids | index($id)" ||
			return 1
	done
}

says "an interface that is not there is refused" 1 "ip -br link" gw attach nosuch
says "attach takes native mode where the driver has it" 0 "gw0: attached in native mode" gw \
	attach gw0
is "the kernel says native" "$(mode_of gw0)" 1
first=$(xdp_id gw gw0)
is "every map, the program and the link are pinned" "$(pins)" \
	"link_gw0 $(printf 'mqgate_%s ' allow budgets control crossing events ext ext_frag flows \
		index4 index6 known ports prefix4 prefix6 rodata sources stats svc syn top)prog "
is "the hash maps are enlarged" \
	"$(for map in sources allow flows; do
		bpftool -j map show pinned "$MQGATE_BPFFS/mqgate_$map" | jq .max_entries
	done | tr '\n' ' ')" "131072 65536 262144 "
says "attaching again changes nothing and says so" 0 "attached already, in native mode" gw \
	attach gw0
says "another mode is refused with the way to it" 1 "mqgate detach gw0 keep" gw attach gw0 generic
is "the program is the same" "$(xdp_id gw gw0)" "$first"

says "a second interface shares the program" 0 "shared with the other interfaces" gw attach gw1
is "the kernel says the same program" "$(xdp_id gw gw1)" "$first"
says "a name with a dot is attached" 0 "gw0.5: attached" gw attach gw0.5
check "its pin has a name that bpffs takes" test -e "$MQGATE_BPFFS/link_gw0%2E5"
says "and is detached by its name" 0 "gw0.5: detached" gw detach gw0.5
check "the kernel says so" no_xdp gw gw0.5

says "where the driver has no native mode, generic is taken and said" 0 \
	"the driver has no native XDP, so generic mode is used" gw attach bridge0
is "the kernel says generic" "$(mode_of bridge0)" 2
gw detach bridge0 > /dev/null
says "native alone is refused there, naming the other" 1 "mqgate attach bridge0 generic" \
	gw attach bridge0 native
check "and nothing is attached" no_xdp gw bridge0

# Maps stay while anybody uses them.
gw verdict add 192.0.2.7 drop > /dev/null
says "detaching one of two keeps the maps" 0 "gw1: detached" gw detach gw1
says "and the verdicts" 0 "192.0.2.7" gw verdict list
says "detaching what is not attached is refused" 1 "mqgate status" gw detach gw1
says "the last one may keep its pins" 0 "are kept" gw detach gw0 keep
check "nothing is attached" no_xdp gw gw0
says "the next attach takes the maps over" 0 "taken over, with their verdicts" gw attach gw0
says "verdicts survive it" 0 "192.0.2.7" gw verdict list
check "and the new program reads these very maps" uses_pinned gw0
in_ns gw ip link del gw0
says "a removed interface is shown as gone" 0 "gone: the interface was removed" gw status
ns_link gw gw0 peer p0
says "its name can be attached again, maps taken over" 0 "taken over" gw attach gw0
says "the last detach removes the pins and says so" 0 "verdicts are gone" gw detach gw0
is "no pin is left" "$(pins)" ""
says "detach all without anything is refused" 1 "nothing is attached" gw detach all

# Drivers refuse a program without frags where a packet needs several buffers.
in_ns peer ip link set p0 mtu 9000
in_ns gw ip link set gw0 mtu 9000
said=$(gw attach gw0)
contains "a large MTU takes the twin for several buffers" "$said" "with frags"
contains "and says what the driver said" "$said" \
	"driver (veth) refuses native XDP: veth: Peer MTU is too large to set XDP for packets"
is "in native mode" "$(mode_of gw0)" 1
check "and it reads the pinned maps" uses_pinned gw0 frags
gw detach all > /dev/null
in_ns gw ip link set gw0 mtu 1500
in_ns peer ip link set p0 mtu 1500

# What the driver says of a refusal, and the way out of it.
in_ns gw ip link add q0 numtxqueues 1 numrxqueues 1 type veth peer name q1 numtxqueues 2 \
	numrxqueues 2
in_ns gw ip link set q1 up
said=$(gw attach q0 native 2>&1)
is "a veth with too few queues is refused in native mode" $? 1
contains "in the words of the driver" "$said" \
	"driver (veth) refuses native XDP: veth: XDP expects number of rx queues not less than"
contains "with the remedy" "$said" "ethtool -L q0 rx N"
check "and nothing is attached" no_xdp gw q0
said=$(gw attach q0)
contains "without that word it is attached in generic mode" "$said" "q0: attached in generic mode"
contains "which says why, too" "$said" "so generic mode is used"
contains "an interface that is down is attached, and it is said" "$said" \
	"the interface is down; it filters from when it is up: ip link set dev q0 up"
gw detach all > /dev/null
in_ns gw ethtool -L q1 tx 1
says "what the remedy names helps" 0 "q0: attached in native mode" gw attach q0 native
gw detach all > /dev/null
in_ns gw ip link del q0
in_ns gw ethtool -K gw0 gro on gso on
says "offloads that XDP can live with are no hindrance" 0 "gw0: attached in native mode" gw \
	attach gw0 native
gw detach all > /dev/null
refuse "of one that is up nothing of the kind is said" grep -q "is down" <<< "$(gw attach gw0)"
gw detach all > /dev/null

# Somebody else's program.
in_ns gw ip link set dev gw1 xdp obj "$MQGATE_OBJ" sec xdp
foreign=$(xdp_id gw gw1)
says "a program attached by ip is never displaced" 1 "another XDP program (id $foreign, " gw \
	attach gw1
says "the message says how to take it off" 1 "ip link set dev gw1 xdp off" gw attach gw1
is "it is still there" "$(xdp_id gw gw1)" "$foreign"
is "and no pin was left behind" "$(pins)" ""
in_ns gw ip link set dev gw1 xdp off
MQGATE_BPFFS=$MQGATE_BPFFS-other gw attach gw1 generic > /dev/null
on_exit env MQGATE_BPFFS="$MQGATE_BPFFS-other" "$mqgate" detach all
says "a program held by a link is named with that link" 1 "bpftool link detach id" gw attach gw1
MQGATE_BPFFS=$MQGATE_BPFFS-other gw detach all > /dev/null

# Other versions.
mkdir "$MQGATE_BPFFS"
bpftool map create "$MQGATE_BPFFS/mqgate_sources" type hash key 16 value 48 entries 64 name \
	mqgate_sources
says "a pinned map of another layout is refused in words" 1 \
	"a value of 48 bytes, this build has 64" \
	gw attach gw0
says "detach all clears pins of any version" 0 "0 interfaces detached" gw detach all
patched=$MQGATE_RUN/other.bpf.o
/usr/bin/python3 - "$MQGATE_OBJ" "$patched" << 'PY'
import struct, sys
elf = bytearray(open(sys.argv[1], "rb").read())
table, = struct.unpack_from("<Q", elf, 40)
size, count, names = struct.unpack_from("<HHH", elf, 58)
head = lambda i: struct.unpack_from("<IIQQQQ", elf, table + i * size)
for i in range(count):
	at = head(names)[4] + head(i)[0]
	if elf[at:elf.index(0, at)] == b".rodata":
		struct.pack_into("<I", elf, head(i)[4], 7)
open(sys.argv[2], "wb").write(elf)
PY
MQGATE_OBJ=$patched says "an object of another ABI is refused in words" 1 "it speaks ABI 7" gw \
	attach gw0
MQGATE_OBJ=$MQGATE_RUN/none says "a missing object is refused, naming MQGATE_OBJ" 1 "MQGATE_OBJ" \
	gw attach gw0
MQGATE_BPFFS=$MQGATE_RUN/pins says "a place that is no bpffs is refused, naming nsenter" 1 \
	"nsenter" \
	gw attach gw0

# bpffs may be writable for everybody: nobody else's maps are taken for ours.
mkdir "$MQGATE_BPFFS"
chown 65534 "$MQGATE_BPFFS"
says "a directory of somebody else is refused" 1 "belongs to user 65534" gw attach gw0
check "and nothing is attached" no_xdp gw gw0
rmdir "$MQGATE_BPFFS"

# Two at once: one program, one set of maps.
gw attach gw0 > "$MQGATE_RUN/one" 2>&1 &
gw attach gw1 > "$MQGATE_RUN/two" 2>&1
wait $!
is "two attaches at the same time share one program" "$(xdp_id gw gw0)" "$(xdp_id gw gw1)"
finish
