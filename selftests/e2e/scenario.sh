# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What is played, in three scenes, and what is claimed of it. Sourced by run.sh, which shows it to
# people, and by first_light.sh, which makes a test point of every claim. Both define
#
#	claim TEXT COMMAND...		say whether the command succeeds, and return it
#	module_begin, module_calm, module_after_flood	what module.sh claims, or nothing
#	scene TEXT			a new part begins
#	live_begin TEXT, live_end	something long happens between these two
#
# and the sizes FLOOD_CONTROL FLOOD_COUNT FLOOD_RATE FLOOD_KILL ATTACKERS MESSAGES GAP. Figures for
# the report are left in the array `figure`. A scene returns 1 at once where nothing that follows
# could mean anything.

declare -A figure
daemon_pid=
flood_pid=

daemon_start() {
	nsenter --net="/run/netns/$(ns_name gateway)" -- "$MQGATE_BUILD/mqgated" \
		-c "$WORK/mqgate.yaml" >> "$WORK/mqgated.log" 2>&1 < /dev/null &
	daemon_pid=$!
	on_exit stop "$daemon_pid"
	poll_until 10 daemon_answers
}

daemon_answers() {
	[ "$(mqgate -j status | jq -r '.daemon.pid')" = "$daemon_pid" ] &&
		listening gateway '*' 8883
}

mqgate() {
	in_ns gateway "$MQGATE_BUILD/mqgate" "$@"
}

# ---- counting ---------------------------------------------------------------------------

# Writes "REASON PACKETS" of everything XDP has dropped so far, all services together.
drops_now() {
	mqgate -j stats | jq -r '.[] | select(.passed | not) | "\(.reason) \(.packets)"' |
		awk '{ n[$1] += $2 } END { for (r in n) print r, n[r] }' | sort
}

# drops_between FILE FILE: the same for the time between two of them.
drops_between() {
	awk -v first="$1" 'FILENAME == first { before[$1] = $2; next }
		$2 > before[$1] { print $1, $2 - before[$1] }' "$1" "$2"
}

total() {
	awk '{ n += $2 } END { print n + 0 }' "$@"
}

# Lines of the broker's log about attackers whose bytes it had to judge itself.
broker_complaints() {
	grep -c 'Client <unknown> disconnected due to protocol error' "$WORK/broker.log"
}

# ---- the flood and the attackers ----------------------------------------------------------

targets_plain=("mqtt:$BROKER4:1883" "mqtt:[$BROKER6]:1883")
targets_all=("${targets_plain[@]}" "tls:$GW4:8883" "tls:[$GW6]:8883")

# flood_begin NAME COUNT RATE TARGET...: in the background; its summary goes to NAME.json.
flood_begin() {
	local name=$1 count=$2 rate=$3
	shift 3
	nsenter --net="/run/netns/$(ns_name devices)" -- "$MQGATE_BUILD/selftests/e2e/flood" \
		-i dev0 -g "$gateway_mac" -n "$count" -r "$rate" -s $RANDOM "$@" \
		> "$WORK/$name.json" 2> "$WORK/$name.err" &
	flood_pid=$!
	on_exit stop "$flood_pid"
}

# lost_silently NAME BEFORE: packets that the sender was told are on their way and that the veth
# dropped all the same, its ring being full. A newer kernel tells the sender, who then sends the
# packet again ("retried"). Of what dev0 dropped a few may have been other people's: an upper
# bound.
lost_silently() {
	local silent
	silent=$(($(lost_at_sender) - $2 - $(of "$1" .retried)))
	echo $((silent > 0 ? silent : 0))
}

# Waits for it; fails as it does.
flood_end() {
	wait "$flood_pid"
}

flood_runs() {
	! gone "$flood_pid"
}

# attack NAME FIRST TARGET...
attack() {
	local name=$1 first=$2
	shift 2
	in_ns devices "$MQGATE_BUILD/selftests/e2e/attackers" -n "$ATTACKERS" -b "$first" \
		-t 2000 "$@" > "$WORK/$name.json"
}

of() {
	jq -r "$2" "$WORK/$1.json"
}

# ---- scene 1: nothing protects the broker ---------------------------------------------------

scene_control() {
	scene "Control: no XDP, no daemon; 1883 is routed straight to the broker"
	live_begin control
	flood_begin control "$FLOOD_CONTROL" 0 "${targets_plain[@]}"
	flood_end
	attack control-attackers 0 "${targets_plain[@]}"
	live_end
	figure[control_offered]=$(of control .sent)
	figure[control_arrived]=$(counted broker from_flood)
	figure[control_attackers]=$(of control-attackers .handshakes)
	figure[control_attack_arrived]=$(counted broker from_attackers)
	figure[control_complaints]=$(broker_complaints)
	claim "Control: malformed CONNECTs do reach the broker (${figure[control_arrived]} of \
${figure[control_offered]} flood packets at its interface)" control_reaches
	claim "Control: the broker itself has to refuse ${figure[control_complaints]} of \
$ATTACKERS attackers" control_complains
	return 0
}

control_reaches() {
	[ "${figure[control_arrived]}" -ge $((figure[control_offered] * 99 / 100)) ] &&
		[ "${figure[control_arrived]}" -gt 0 ]
}

control_complains() {
	[ "${figure[control_complaints]}" -ge $((ATTACKERS * 99 / 100)) ]
}

# ---- scene 2: the gate is up -----------------------------------------------------------------

scene_protected() {
	scene "Protected: XDP attached, mqgated running"
	claim "mqgate attach loads the program on gw0" mqgate attach gw0 ||
		return 1
	module_begin || return 1
	claim "mqgated takes 8883 and answers" daemon_start || return 1
	in_ns broker nft reset counters > /dev/null
	figure[complaints_before]=$(broker_complaints)
	write_messages "$MESSAGES"
	claim "20 devices with certificates and 5 plain ones: subscribers are connected" \
		devices_listen || return 1
	module_calm

	drops_now > "$WORK/drops.0"
	figure[lost]=$(lost_at_sender)
	live_begin flood
	flood_begin flood "$FLOOD_COUNT" "$FLOOD_RATE" "${targets_all[@]}"
	devices_publish "$GAP"
	poll_until 120 everything_arrived
	figure[during]=$(flood_runs && echo yes)
	local misfit
	for misfit in "${misfits[@]}"; do
		# shellcheck disable=SC2086
		misfit_try $misfit > "$WORK/misfit.${misfit%% *}" &&
			figure[misfit_${misfit%% *}]=yes
	done
	figure[misfits_during]=$(flood_runs && echo yes)
	flood_end
	live_end
	drops_now > "$WORK/drops.1"
	drops_between "$WORK/drops.0" "$WORK/drops.1" > "$WORK/drops.flood"
	figure[offered]=$(of flood .sent)
	figure[lost]=$(lost_silently flood "${figure[lost]}")
	figure[dropped]=$(total "$WORK/drops.flood")
	figure[arrived]=$(counted broker from_flood)
	figure[heard]=$(heard_total)
	claims_of_flood
	module_after_flood
	claim "a source that keeps coming with a revoked certificate is banned by its score" \
		persist $PERSISTENT
	scene_attackers
}

claims_of_flood() {
	local misfit name
	claim "${figure[offered]} packets from $(of flood .sources) sources offered, every \
shape of lines 1 to 5, IPv4 and IPv6" flood_was_big
	claim "${figure[dropped]} of them counted dropped in XDP: more than 99 %" dropped_enough
	claim "no more drops than offered: no honest packet among them" dropped_no_more
	claim "flood packets that reached the broker: ${figure[arrived]}" \
		test "${figure[arrived]}" -eq 0
	claim "the counter at the broker counts: it saw the devices' own packets" counter_lives
	claim "$(said_total) numbered messages, QoS 0, 1 and 2: all arrived, byte by byte" \
		same_content
	claim "all of them while the flood was running" test "${figure[during]}" = yes
	for misfit in "${misfits[@]}"; do
		name=${misfit%% *}
		claim "$(misfit_words "$name"): refused with ${misfit##* }" misfit_refused "$name"
	done
}

flood_was_big() {
	[ "$(of flood .sent)" -eq "$FLOOD_COUNT" ] &&
		[ "$(of flood .sources)" -ge "$FLOOD_SOURCES" ] &&
		[ "$(of flood .ipv4)" -gt 0 ] && [ "$(of flood .ipv6)" -gt 0 ] &&
		of flood '[.shapes[] | select(.sent == 0)] | length == 0' | grep -qx true
}

dropped_enough() {
	[ $((figure[dropped] * 1000)) -gt $(((figure[offered] - figure[lost]) * 990)) ]
}

dropped_no_more() {
	[ "${figure[dropped]}" -le "${figure[offered]}" ] || ! cat "$WORK/drops.flood"
}

counter_lives() {
	[ "$(counted broker from_devices)" -gt 0 ]
}

misfit_refused() {
	cat "$WORK/misfit.$1"
	[ "${figure[misfit_$1]:-}" = yes ]
}

misfit_words() {
	case $1 in
	stolen)		echo "a revoked certificate" ;;
	old)		echo "an expired certificate" ;;
	nobody)		echo "no certificate" ;;
	liar)		echo "another device's client identifier" ;;
	stranger)	echo "a certificate of another CA" ;;
	esac
}

# Attackers that finish the handshake: what they send is counted where they send it, again and again
# where the stack repeats it.
scene_attackers() {
	local sent0 sent
	sent0=$(counted devices from_attackers)
	live_begin attackers
	attack attackers 4096 "${targets_all[@]}"
	live_end
	drops_now > "$WORK/drops.2"
	drops_between "$WORK/drops.1" "$WORK/drops.2" > "$WORK/drops.attackers"
	sent=$(counted devices from_attackers)
	figure[attack_sent]=$((sent - sent0))
	figure[attack_dropped]=$(total "$WORK/drops.attackers")
	figure[attack_handshakes]=$(of attackers .handshakes)
	figure[attack_arrived]=$(counted broker from_attackers)
	figure[complaints]=$(($(broker_complaints) - figure[complaints_before]))
	claim "${figure[attack_handshakes]} attackers finished the TCP handshake first" \
		test "${figure[attack_handshakes]}" -ge $((ATTACKERS * 9 / 10))
	claim "of their ${figure[attack_sent]} payload packets none reached the broker" \
		attack_stopped
	claim "they saw no answer, and the broker had to refuse nobody" attack_silent
	return 0
}

attack_stopped() {
	[ "${figure[attack_arrived]}" -eq 0 ] && [ "${figure[attack_sent]}" -gt 0 ] &&
		[ $((figure[attack_dropped] * 1000)) -gt $((figure[attack_sent] * 990)) ]
}

attack_silent() {
	[ "$(of attackers .answer)" -eq 0 ] && [ "${figure[complaints]}" -eq 0 ]
}
