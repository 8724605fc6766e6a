# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What upgrade.sh and upgrade_kill.sh share: other versions of the XDP object, three interfaces that
# have it (in the driver, generic, with large packets), and whether a source is banned there.
# Sourced after stage.sh.

stage gw peer
need_command python3
tools=${MQGATE_OUTPUT:-$MQGATE_BUILD/selftests/cmd}
newer=$tools/newer.bpf.o
old=$tools/old.bpf.o
[ -r "$newer" ] && [ -r "$old" ] || skip_all "needs $tools: make -C selftests TARGETS=cmd"
on_exit rm -rf "$MQGATE_BPFFS-next"
today=$(awk '$2 == "MQGATE_ABI_VERSION" { print $3 }' \
	"$MQGATE_TOP/include/uapi/linux/mqgate.h")

ns_link gw gw0 peer p0
ns_link gw gw1 peer p1
ns_link gw gw2 peer p2
ns_addr gw gw0 192.0.2.1/24
ns_addr peer p0 192.0.2.2/24

# A SYN from 192.0.2.7 to 1883, as bpftool and the flood send it.
cat > "$MQGATE_RUN/frame.py" << 'PY'
import struct, sys
def frame(dst):
	tcp = struct.pack(">HHIIBBHHH", 40000, 1883, 1, 0, 0x50, 2, 64240, 0, 0)
	ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, 6, 0,
			 bytes([192, 0, 2, 7]), bytes([192, 0, 2, 1]))
	return dst + b"\2" * 6 + b"\x08\0" + ip + tcp
if __name__ == "__main__":
	sys.stdout.buffer.write(frame(b"\2" * 6))
PY
/usr/bin/python3 "$MQGATE_RUN/frame.py" > "$MQGATE_RUN/frame"

# drops IF: the program that is there now drops it.
drops() {
	bpftool prog run id "$(xdp_id gw "$1")" data_in "$MQGATE_RUN/frame" | grep -q "value: 1,"
}

# with OBJECT WORD...: the command in the namespace, with that object.
with() {
	MQGATE_OBJ=$1 gw "${@:2}"
}

map_id() {
	bpftool -j map show pinned "$MQGATE_BPFFS/$1" | jq .id
}

# uses MAP IF: the program there reads the pinned one.
uses() {
	bpftool -j prog show id "$(xdp_id gw "$2")" | jq -e ".map_ids | index($(map_id "$1"))"
}

banned() {
	m -j verdict list | jq -r '[.[].source] | join(" ")'
}

count_of() {
	m -j stats | jq "[.[] | select(.reason == \"$1\") | .packets] | add // 0"
}


# attach_three: with a ban on 192.0.2.7.
attach_three() {
	gw attach gw0 > /dev/null
	gw attach gw1 generic > /dev/null
	in_ns peer ip link set p2 mtu 9000
	in_ns gw ip link set gw2 mtu 9000
	gw attach gw2 > /dev/null
	gw verdict add 192.0.2.7 drop > /dev/null
}

# put_old LAST-BYTE NOTE: a ban in the layout of the old object.
put_old() {
	local size
	size=$(bpftool -j map show pinned "$MQGATE_BPFFS/mqgate_sources" | jq .bytes_value)
	# shellcheck disable=SC2046
	bpftool map update pinned "$MQGATE_BPFFS/mqgate_sources" \
		key $(bytes "00000000000000000000ffffc00002$(le "$1" 1)") \
		value $(bytes "$(le "$2" 8)$(le 0 8)$(le 1 8)$(le 5 8)$(le 4 4)$(le 1 4)") \
			$(bytes "$(le 198 4)$(le 3 4)") \
			$(bytes "$(printf '00%.0s' $(seq $((size - 48))))")
}

old_one() {
	"$mqgate" detach all > /dev/null 2>&1
	in_ns gw "$tools/old_attach" "$old" "$MQGATE_BPFFS" gw0 && put_old 7 0
}

