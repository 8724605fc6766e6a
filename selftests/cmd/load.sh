#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate verdict load and what survives: lists as they come, what is refused and loads nothing, the
# set before and single verdicts, the state directory, a full disk, damaged files.
. "$(dirname "$0")/stage.sh"
stage gw peer
need_command bpftool
plan 61

ns_link gw gw0 peer p0
gw attach gw0 > /dev/null
list=$MQGATE_RUN/list
state=$MQGATE_RUN/state

listed() {
	m -j verdict list "$@" | jq -r '.[].source' | sort | tr '\n' ' '
}

# field NET NAME: of the verdict on exactly it, as JSON.
field() {
	m -j verdict list | jq -c --arg net "$1" ".[] | select(.source == \$net) | .$2"
}

# ---- a list

printf '# blocklist\r\n\r\n; another comment\n192.0.2.1\n198.51.100.0/24 ; SBL1\n' > "$list"
printf '2001:db8::/32 # why\n10.0.0.0/8 limit 50/s 1h reason ticket  #4711; loud\n' >> "$list"
printf '  203.0.113.7\tpass forever\n2001:db8:1::5 drop 300s\n192.0.2.1 pass' >> "$list"
says "a list is loaded" 0 "6 verdicts loaded" m verdict load "$list"
is "as it says" "$(listed)" \
	"10.0.0.0/8 192.0.2.1 198.51.100.0/24 2001:db8:1::5 2001:db8::/32 203.0.113.7 "
is "a network that comes again has its last verdict" "$(field 192.0.2.1 action)" '"pass"'
is "an action that is not said is drop" "$(field 198.51.100.0/24 action)" '"drop"'
is "a limit has its rate" "$(field 10.0.0.0/8 rate)" 50
is "and its time" "$(field 10.0.0.0/8 '|.expires > 3500 and .expires <= 3600')" true
is "they are of the loaded set" "$(m -j verdict list | jq -c '[.[].loaded] | unique')" "[true]"
is "bpftool sees the generation" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_prefix4" |
		jq -c '[.[].formatted.value.generation] | unique')" "[1]"
says "the standard input is a list, too" 0 "1 verdicts loaded" \
	bash -c "echo 192.0.2.9 | '$mqgate' verdict load -"
is "it took the place of the one before" "$(listed)" "192.0.2.9 "
is "of which no entry is left" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_prefix6" | jq length)" 0
is "XDP is not made to ask for prefixes" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_control" |
		jq -c '.[0].formatted.value|[.bits4,.slots6,.lengths6]')" "[0,0,0]"
is "-j tells what was done" "$(echo 192.0.2.9 | m -j verdict load - |
	jq -c '[.loaded,.sources,.prefixes4,.reaped,.daemon,.persistent]')" \
	'[1,1,0,0,false,true]'

# ---- what is not good loads nothing

refused() {
	printf '%b' "192.0.2.50\n$2\n192.0.2.51\n" > "$list"
	says "$1 is refused by file and line" 1 "$list:2: $3" m verdict load "$list"
}
refused "what is no address" "bogus" "bogus: is not an address"
refused "a prefix with bits beyond it" "10.0.0.1/8" "10.0.0.1/8: has bits set beyond"
refused "an action that is none" "192.0.2.2 reject" "reject: an operator can say"
refused "a duration that is none" "192.0.2.2 drop 5x" "5x: not a duration"
refused "a word left over" "192.0.2.2 drop 5m oops" "oops: not understood"
refused "a reason with an escape sequence" '192.0.2.2 drop reason \0033[2J' \
	"the reason has control characters"
refused "a byte of zero" '192.0.2.2\0000' "a byte of zero"
refused "a line that is too long" "192.0.2.2 drop reason $(printf '%01100d' 0)" "a line of more"
is "and the set is as it was" "$(listed)" "192.0.2.9 "
says "a file that is not there is named" 1 "$list.not: No such file" m verdict load "$list.not"
says "nothing is no list" 1 "verdict load - empty" bash -c "'$mqgate' verdict load - < /dev/null"
says "but the word empties the set" 0 "0 verdicts loaded" \
	bash -c "'$mqgate' verdict load - empty < /dev/null"
is "which is empty" "$(listed)" ""

# ---- single verdicts come first

m verdict add 192.0.2.1 pass 1h reason 'our own scanner' > /dev/null
m verdict add 192.0.2.3 drop 300ms > /dev/null
printf '192.0.2.1\n192.0.2.3\n192.0.2.0/24\n' > "$list"
says "a single verdict is told to come first" 0 "lie below single verdicts" m verdict load "$list"
is "and does" "$(field 192.0.2.1 '|[.action,.loaded]')" '["pass",false]'
uncovered() {
	[ "$(field 192.0.2.3 '|[.action,.loaded]')" = '["drop",true]' ]
}
check "one whose time is over uncovers the list's" poll_until 10 uncovered
says "and one that is removed, too" 0 "what the loaded set says of it holds again" \
	m verdict del 192.0.2.1
is "which holds" "$(field 192.0.2.1 '|[.action,.loaded]')" '["drop",true]'
says "a verdict of the list is not removed alone" 1 "load a list without it" \
	m verdict del 192.0.2.0/24
m verdict add 192.0.2.3 pass > /dev/null
says "a list without it leaves the single one" 0 "1 verdicts loaded" \
	bash -c "echo 198.51.100.1 | '$mqgate' verdict load -"
is "and nothing below it" "$(listed)" "192.0.2.3 198.51.100.1 "
m verdict del 192.0.2.3 > /dev/null
is "that would come back" "$(listed)" "198.51.100.1 "

# A loader that died: what it wrote never holds, and the next one removes it.
put_leftover() {
	# shellcheck disable=SC2046
	bpftool map update pinned "$MQGATE_BPFFS/mqgate_sources" \
		key $(bytes "00000000000000000000ffffc0000263") \
		value $(bytes "$(le 0 8)$(le 1 8)$(le 0 8)$(le 4 4)$(le 1 4)$(le 198 4)$(le 0 4)") \
			$(bytes "$(le 0 4)$(le 4000 4)$(le 0 16)")
}
put_leftover
is "what a loader that died has left does not hold" "$(listed)" "198.51.100.1 "
echo 198.51.100.1 | m verdict load - > /dev/null
is "and is gone with the next list" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_sources" | jq length)" 1

# ---- ALLOWed flows

put_allow 5 1000
put_allow 6 1000
echo 192.0.2.5 | m verdict load - > /dev/null
is "a list that drops a source takes its ALLOWed flows" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_allow" | jq length)" 1
echo 192.0.2.6 reset | m verdict load - > /dev/null
is "one that resets it, too" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_allow" | jq length)" 0

# ---- a map that is full

gw detach all > /dev/null
rm -rf "$state"
says "a size that is none is refused" 2 "not a number of entries" gw attach gw0 sources 10
says "attach makes maps as large as it is told" 0 "attached" gw attach gw0 sources 1024 prefixes 2k
is "and they are" "$(bpftool -j map show pinned "$MQGATE_BPFFS/mqgate_sources" |
	jq .max_entries) $(bpftool -j map show pinned "$MQGATE_BPFFS/mqgate_prefix6" |
	jq .max_entries)" "1024 2000"
gw detach gw0 keep > /dev/null
says "another size for maps that are there is refused with the remedy" 1 "mqgate detach all" \
	gw attach gw0 sources 4096
gw attach gw0 > /dev/null
numbers() {
	local i
	for ((i = 0; i < $2; i++)); do
		echo "$1.0.$((i >> 8 & 255)).$((i & 255))"
	done
}
numbers 10 1500 > "$list"
says "a list that fits no map is refused with the remedy" 1 "mqgate attach IF sources" \
	m verdict load "$list"
numbers 10 800 | m verdict load - > /dev/null
numbers 11 800 > "$list"
says "one that does not fit beside the one before, too" 1 "besides those that hold" \
	m verdict load "$list"
is "and the one before holds" \
	"$(m -j verdict list | jq -c '[length, ([.[].source | startswith("10.")] | all)]')" \
	"[800,true]"
is "with nothing of the other left" \
	"$(bpftool map dump pinned "$MQGATE_BPFFS/mqgate_sources" | grep -c MQGATE_ACTION_DROP)" 800

# ---- a restart of the machine: the maps are gone, the state directory is not

printf '198.51.100.0/24 drop 1h reason from a list\n198.51.100.7 reset\n' |
	m verdict load - > /dev/null
m verdict add 192.0.2.1 drop 1h reason too loud > /dev/null
m verdict add 2001:db8::/40 limit 9/s > /dev/null
m verdict add 192.0.2.2 pass > /dev/null
m verdict add 192.0.2.3 reset 1h > /dev/null
m verdict add 192.0.2.4 drop > /dev/null
m verdict del 192.0.2.4 > /dev/null
before=$(m -j verdict list | jq -c 'map([.source,.action,.rate,.loaded]) | sort')
gw detach all > /dev/null
says "attach restores what the state directory has" 0 "6 verdicts restored" gw attach gw0
is "all of it" "$(m -j verdict list | jq -c 'map([.source,.action,.rate,.loaded]) | sort')" \
	"$before"
is "with the time that is left" \
	"$(field 192.0.2.1 '|.expires > 3500 and .expires <= 3601')" true

is "and the reasons" "$(m -j verdict list | jq -r '.[].text | select(. != "")' | sort |
	tr '\n' ';')" "from a list;too loud;"
says "list shows them" 0 "too loud" m verdict list in 192.0.2.1
says "why, too" 0 "too loud" m why 192.0.2.1
says "and explain" 0 "by operator's list: this one decides; reason: from a list" \
	m verdict explain 198.51.100.9

# ---- a file that is damaged

truncate -s -3 "$state/verdicts"
gw detach all > /dev/null
says "a damaged file is told and put aside" 0 "verdicts.damaged" gw attach gw0
is "the other one is read" "$(listed)" "198.51.100.0/24 198.51.100.7 "
check "and the damaged one is kept" test -s "$state/verdicts.damaged"
rm "$state/verdicts.damaged"
m verdict add 192.0.2.7 drop > /dev/null
sed -i 's/192\.0\.2\.7/192.0.2.8/' "$state/verdicts"
gw detach all > /dev/null
says "so is one that was changed by hand" 0 "verdicts.damaged" gw attach gw0
is "and what it says is not believed" "$(listed)" "198.51.100.0/24 198.51.100.7 "

# ---- a disk that is full

rm -rf "$state"
mkdir "$state"
mount -t tmpfs -o size=64k tmpfs "$state" && on_exit umount "$state"
head -c 1M /dev/zero > "$state/full" 2> /dev/null
says "on a full disk the verdict holds, and is said not to last" 0 "not persistent" \
	m verdict add 192.0.2.33 drop
is "it does hold" "$(field 192.0.2.33 action)" '"drop"'
finish
