# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Scene 3 of the end-to-end runs: the daemon dies by SIGKILL in the middle of a flood, and comes
# back. Sourced after scenario.sh; the devices of scene 2 are still connected when it begins.

PERSISTENT=198.18.2.7
BANNED=198.18.2.8
UNBANNED=198.18.2.9

# from ADDRESS: a TCP connection from there to the broker comes about.
from() {
	in_ns devices mosquitto_pub -h $BROKER4 -p 1883 -A "$1" -i "from-$1" -t probe -m x
}

# The routed connection of plain1, as both ports name it: a reconnect would change it.
plain_flow() {
	in_ns broker ss -Htn state established "sport = :1883" |
		awk '$NF ~ /198\.18\.1\.21:/ { print $NF }'
}

plain_hears() {
	local text="line during $1"
	in_ns devices mosquitto_pub -h $BROKER6 -p 1883 -A 2001:db8:18::1:24 -i plain4 -q 1 \
		-t line/dev20 -m "$text" &&
		poll_until 10 grep -qx "$text" "$WORK/heard/plain1"
}

drops_go_on() {
	local before
	before=$(drops_now | total)
	poll_until 10 drops_passed $((before + 1000))
}

drops_passed() {
	[ "$(drops_now | total)" -gt "$1" ]
}

banned_count() {
	drops_now | awk '$1 == "source-banned" { print $2 }' | grep . || echo 0
}

# ban_drops ADDRESS
ban_drops() {
	local before
	before=$(banned_count)
	! banned_connects "$1" && [ "$(banned_count)" -gt "$before" ]
}

# Its SYN gets no answer, so it would wait for ever.
banned_connects() {
	in_ns devices timeout 3 mosquitto_pub -h $BROKER4 -p 1883 -A "$1" -i banned \
		-t probe -m x
}

# What identifies the attachment: a new program or link would have other numbers.
attachment() {
	mqgate -j status | jq -c '[.program.id, (.interfaces | map([.name, .state]))]'
	bpftool -j link show pinned "$MQGATE_BPFFS/link_gw0" | jq .id
}

verdicts() {
	mqgate -j verdict list |
		jq -c "map(select(.expires == null or .expires > ${1:-0}) | [.source, .action])"
}

reconnected() {
	local name
	for name in "${subscribers[@]}" dev10; do
		case $name in
		dev*)	subscribed "$name" 2 || return 1 ;;
		esac
	done
}

tls_hears() {
	local options
	device_options dev11
	in_ns devices timeout 10 mosquitto_pub "${options[@]}" -t line/dev11 -m "line after" &&
		poll_until 10 grep -qx "line after" "$WORK/heard/dev01"
}

scene_kill() {
	local flow before held
	scene "The daemon is killed in the middle of a flood"
	claim "the operator bans $BANNED for ten minutes" mqgate verdict add $BANNED drop 10m
	claim "a neighbour of it still connects" from $UNBANNED
	flow=$(plain_flow)
	before=$(attachment)
	held=$(verdicts 120)
	in_ns broker nft reset counters > /dev/null
	live_begin kill
	flood_begin kill "$FLOOD_KILL" "$FLOOD_RATE" "${targets_all[@]}"
	claim "SIGKILL to mqgated while the flood runs" daemon_kill
	claim "drops go on without a daemon" drops_go_on
	claim "an unexpired ban of the operator still drops" ban_drops $BANNED
	claim "an unexpired ban by score still drops" ban_drops $PERSISTENT
	claim "a routed plain device is served on the connection it had" plain_lives "$flow"
	claim "mqgated starts again" daemon_start
	claim "it adopted the pins: same program, same link" test "$(attachment)" = "$before"
	claim "no verdict that has not expired is lost" verdicts_kept "$held"
	claim "the ban by score still drops under the new daemon" ban_drops $PERSISTENT
	claim "devices with certificates reconnect and subscribe again" poll_until 60 reconnected
	claim "and hear what is published" tls_hears
	flood_end
	live_end
	figure[kill_offered]=$(of kill .sent)
	figure[kill_arrived]=$(counted broker from_flood)
	claim "of ${figure[kill_offered]} more flood packets ${figure[kill_arrived]} reached the \
broker" test "${figure[kill_arrived]}" -eq 0
	return 0
}

daemon_kill() {
	flood_runs && kill -KILL "$daemon_pid" || return 1
	wait "$daemon_pid"
	gone "$daemon_pid"
}

plain_lives() {
	[ -n "$1" ] && plain_hears "the absence" && [ "$(plain_flow)" = "$1" ]
}

# Those that had two minutes to run are there still; the others may have run out meanwhile.
verdicts_kept() {
	jq -e --argjson now "$(verdicts)" '. - $now | length == 0' <<< "$1"
}
