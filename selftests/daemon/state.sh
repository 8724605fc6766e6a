#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Verdicts of a list, of the operator and of a running mqgated beside one another: who comes before
# whom, and that all agree after the daemon was killed, after the machine was started again (maps
# gone, attached again), and where the maps go under a daemon that runs. What clients send comes
# over lo, where no XDP stands in front of the daemon: each of them earns a ban by score.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need bpftool jq

# offend LAST-BYTE...: each 192.0.2.LAST-BYTE sends enough malformed CONNECTs for a ban.
offend() {
	local byte
	for byte in "$@"; do
		in_ns gw /usr/bin/python3 ./badclient.py "192.0.2.$byte" 127.0.0.1 2883 6 \
			100c00044d515455040200000000 10 > /dev/null
	done
}

# verdict ADDRESS: what the daemon says decides over it.
verdict() {
	ctl "{\"do\":\"why\",\"subject\":\"$1\"}" verdict |
		/usr/bin/python3 -c 'import json, sys
v = json.load(sys.stdin)
print(v and v["action"], v and v["origin"])'
}

# The verdicts that hold, but for their age. $1: more of a jq filter.
verdicts() {
	mqgate -j verdict list | jq -c "map(select(.reason != \"none\")${1:+ | $1} |
		[.source, .action, .origin, .rate, .loaded, .text]) | sort[]"
}

plan 33
stage_init || exit 1
ns_add gw peer && ns_link gw g0 peer p0 || exit 1
for byte in 4 5 6 7 8 9 10; do
	in_ns gw ip addr add "192.0.2.$byte/32" dev lo || exit 1
done
config=$dir/mqgate.yaml
stage_config "$config" 's/ban: 60s/ban: 1h/'
on_exit rm -rf "$MQGATE_BPFFS"
check "XDP is attached" mqgate attach g0 allow 1024 sources 2k || exit 1
on_exit mqgate detach all
check "the daemon starts" mqgated_start gw "$config" || exit 1

# ---- limits and sizes

check "limits that the maps have no room for are said in words" logged \
	"sessions_max are 200000 together, and mqgate_allow holds 1024 flows"
check "with the remedy" logged "allow 200000 (sizes are words of mqgate attach, or of"
check "those of scores, too" logged "score.sources_max is 100000, and mqgate_sources holds 2000"
stage_config "$config" 's/ban: 60s/ban: 1h, sources_max: 1000/' \
	's/^    kind: mqtts*$/&\n    sessions_max: 512/'
: > "$mqgated_log"
check "a reload with limits that fit" mqgate reload
refuse "is silent about them" grep -q "attach.conf" "$mqgated_log"
stage_config "$config" 's/ban: 60s/ban: 1h/' 's/^    kind: mqtts*$/&\n    sessions_max: 513/'
check "and one with limits that do not" mqgate reload
check "says so again" logged "sessions_max are 1026 together, and mqgate_allow holds 1024 flows"

# ---- a list, and what the daemon says itself

offend 4 10
is "the daemon bans whom nobody spoke of" "$(verdict 192.0.2.4)" "drop daemon"
printf '%s\n' "192.0.2.4 drop 5h reason known for long" "192.0.2.5 drop 1h reason from a list" \
	"192.0.2.6 reset" "192.0.2.8 limit 9/s" "203.0.113.0/24 drop" "192.0.2.10 pass" \
	> "$dir/list"
contains "a list is loaded by the daemon" "$(mqgate verdict load "$dir/list")" "6 verdicts loaded"
check "an operator's word is added" mqgate verdict add 192.0.2.9 reset 1h reason too loud
is "the daemon sees what the list drops" "$(verdict 192.0.2.5)" "drop operator"
is "what it resets" "$(verdict 192.0.2.6)" "reset operator"
is "and whom it drops by a prefix" "$(verdict 203.0.113.9)" "drop operator"
is "the list comes before a ban by score" "$(verdict 192.0.2.4)" "drop operator"
is "and takes one back" "$(verdict 192.0.2.10)" "pass operator"
before=$(verdicts)
offend 4 5 6 8 9 10
points=$(ctl '{"do":"why","subject":"192.0.2.5"}' score)
check "they have earned bans by score since" test "${points%.*}" -ge 100
is "which take the place of nothing that the operator said" "$(verdicts)" "$before"
offend 7
is "whom nobody spoke of is banned" "$(verdict 192.0.2.7)" "drop daemon"
before=$(verdicts)

# ---- the daemon dies

{ kill -KILL "$mqgated_pid"; wait "$mqgated_pid"; } 2> /dev/null
check "a killed daemon is followed by another" mqgated_start gw "$config"
is "and every verdict is what it was" "$(verdicts)" "$before"
is "to the daemon, too" "$(verdict 192.0.2.6), $(verdict 192.0.2.7)" "reset operator, drop daemon"

# ---- the machine is started again

operators=$(verdicts 'select(.origin == "operator")')
stop "$mqgated_pid"
mqgate detach all > /dev/null
contains "attach restores the operator's word and the list" \
	"$(mqgate attach g0 allow 1024 sources 2k)" "7 verdicts restored"
is "all of it" "$(verdicts)" "$operators"
check "the daemon starts on it" mqgated_start gw "$config"
is "and changes nothing" "$(verdicts)" "$operators"
is "the daemon sees it" "$(verdict 192.0.2.9), $(verdict 192.0.2.5)" \
	"reset operator, drop operator"
offend 7 5 9
is "nor do bans by score" "$(verdicts 'select(.origin == "operator")')" "$operators"
is "its own begin anew" "$(verdict 192.0.2.7)" "drop daemon"

# ---- the maps go under a daemon that runs, and others come that nobody restored anything into

before=$(verdicts)
mqgate detach all > /dev/null
ctl '{"do":"pins"}' > /dev/null
check "other maps are pinned" stage_pins
is "which the daemon takes" "$(ctl '{"do":"pins"}' pins)" true
restored() {
	[ "$(verdicts)" = "$before" ]
}
check "and it writes into them what it knows and what the state directory has" \
	poll_until 10 restored
finish
