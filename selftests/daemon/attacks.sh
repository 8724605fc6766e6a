#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The list of attacks by number, through mqgated as it is installed: configuration, sockets, control
# socket and metrics are the real ones. The scripts are those of selftests/proxy, which have the rig
# otherwise. ATTACKS 1-19, 26, and with MQGATE_VECTORS the vectors of a real broker.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_pub
cd ../proxy || exit 1

points=$(mktemp) && on_exit rm -f "$points" "$points.now"
skipped=

# through SCRIPT [WORD]: those of its points that have the word in their name
through() {
	local rc
	MQGATE_GATEWAY=daemon /usr/bin/python3 "./$1" ${2:+"$2"} > "$points.now"
	rc=$?
	cat "$points.now" >> "$points"
	grep -v '^ok\|^# [0-9.]* s$' "$points.now"
	return $rc
}

plan 10
for script in malformed.py segments.py segments_tls.py tempo.py pp2_in.py; do
	if [ "${script#segments}" != $script ] && [ ! -c /dev/net/tun ]; then
		skip "$script" "needs /dev/net/tun (CONFIG_TUN)"
		skipped=13
		continue
	fi
	check "$script: what has a number" through $script ATTACKS
done
check "packets.py: all" through packets.py
check "authority.py: all" through authority.py
check "watched.py: the list in front of mosquitto" through watched.py
if [ -n "${MQGATE_VECTORS:-}" ]; then
	check "vectors.py: the vectors of a real broker" through vectors.py
else
	skip "vectors.py: the vectors of a real broker" "MQGATE_VECTORS names no directory"
fi
missing=
for number in $(seq 19) 26; do
	[ "$number" = "$skipped" ] || grep -q "^ok [0-9]* ATTACKS ${number}[:,]" "$points" ||
		missing="$missing $number"
done
is "1 to 19 and 26 were all there" "$missing" ""
diag "$(grep -c '^ok' "$points") points"
finish
