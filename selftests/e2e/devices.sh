# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The devices of the end-to-end runs: 20 with certificates on 8883, 5 plain ones on 1883, and the
# misfits. mosquitto's own clients speak; what they publish is written down before, what they
# receive is compared with it byte by byte. Sourced after stage.sh; works below the directory
# $WORK.
#
#	dev11..dev19 -> dev01..dev09	a topic each; QoS 0, 1, 2 in turn, IPv4 and IPv6 in turn
#	dev20 -> plain1, plain3 -> plain2, plain4 and plain5 -> nobody but
#	dev10				subscribes to all topics

publishers=(dev11 dev12 dev13 dev14 dev15 dev16 dev17 dev18 dev19 dev20 plain3 plain4 plain5)
subscribers=(dev01 dev02 dev03 dev04 dev05 dev06 dev07 dev08 dev09 plain1 plain2)

declare -A listens_to=(
	[plain1]=dev20 [plain2]=plain3
)
for n in {1..9}; do
	listens_to[dev0$n]=dev1$n
done

device_number() {
	case $1 in
	plain*)	echo $((20 + ${1#plain})) ;;
	*)	echo $((10#${1#dev})) ;;
	esac
}

# device_options NAME: the options of mosquitto_pub and mosquitto_sub, into the array `options`.
device_options() {
	local name=$1 n host version=311
	n=$(device_number "$name")
	[ $((n % 4)) -ne 0 ] || version=5
	options=(-i "$name" -q $((n % 3)) -V $version)
	if [ $((n % 2)) -eq 0 ]; then
		options+=(-A "2001:db8:18::1:$n")
	else
		options+=(-A "198.18.1.$n")
	fi
	case $name in
	plain*)
		[ $((n % 2)) -eq 0 ] && host=$BROKER6 || host=$BROKER4
		options+=(-h "$host" -p 1883)
		;;
	*)
		[ $((n % 2)) -eq 0 ] && host=$GW6 || host=$GW4
		options+=(-h "$host" -p 8883 --cafile "$WORK/pki/ca.pem"
			--cert "$WORK/pki/$name.pem" --key "$WORK/pki/$name.key")
		;;
	esac
}

# write_messages COUNT: what every publisher will say, numbered, no two alike, of many lengths.
write_messages() {
	local name
	mkdir -p "$WORK/said" "$WORK/heard"
	for name in "${publishers[@]}"; do
		awk -v name="$name" -v count="$1" 'BEGIN {
			for (i = 1; i <= count; i++) {
				filler = ""
				for (k = 0; k < (i * 37) % 60; k++)
					filler = filler sprintf("%x",
						(i * 7919 + k * 104729) % 65536)
				printf "%s %05d %s.\n", name, i, filler
			}
		}' > "$WORK/said/$name"
	done
}

# listen_as NAME TOPIC: a device with mosquitto_sub, started again whenever it ends, as a device
# would. What it hears goes to heard/NAME.
listen_as() {
	local name=$1 topic=$2 options
	device_options "$name"
	: > "$WORK/heard/$name"
	: > "$WORK/heard/$name.err"
	listen_for_ever "$name" -t "$topic" "${options[@]}" < /dev/null &
	on_exit stop $!
}

listen_for_ever() {
	local name=$1 never client
	shift
	exec {never}<> <(:)
	trap 'kill $client 2> /dev/null; exit' TERM
	while :; do
		nsenter --net="/run/netns/$(ns_name devices)" -- stdbuf -oL mosquitto_sub "$@" \
			>> "$WORK/heard/$name" 2>> "$WORK/heard/$name.err" &
		client=$!
		wait $client
		read -rt 0.3 -u "$never"
	done
}

subscribed() {
	[ "$(grep -c "Sending SUBACK to $1\$" "$WORK/broker.log")" -ge "${2:-1}" ]
}

# devices_listen: every subscriber is connected and has its SUBACK when this returns.
devices_listen() {
	local name
	for name in "${subscribers[@]}"; do
		listen_as "$name" "line/${listens_to[$name]}"
	done
	listen_as dev10 'line/#'
	for name in "${subscribers[@]}" dev10; do
		if ! poll_until 20 subscribed "$name"; then
			diag "$name does not get its SUBACK: $(cat "$WORK/heard/$name.err")"
			return 1
		fi
	done
}

# Prints a file a line at a time, GAP seconds apart: a device measures, it does not burst.
trickle() {
	local file=$1 gap=$2 line never
	exec {never}<> <(:)
	while IFS= read -r line; do
		printf '%s\n' "$line"
		read -rt "$gap" -u "$never"
	done < "$file"
}

# devices_publish GAP: every publisher connects and says its lines.
devices_publish() {
	local name options
	for name in "${publishers[@]}"; do
		device_options "$name"
		trickle "$WORK/said/$name" "$1" | nsenter --net="/run/netns/$(ns_name devices)" -- \
			mosquitto_pub "${options[@]}" -t "line/$name" -l \
			2> "$WORK/heard/$name.err" &
		on_exit stop $!
	done
}

# Lines said, and lines that the subscriber to everything has.
said_total() {
	cat "$WORK"/said/* | wc -l
}

heard_total() {
	wc -l < "$WORK/heard/dev10"
}

# heard NAME: everything that was said on its topic has arrived.
heard_all() {
	local name=$1
	[ "$(wc -l < "$WORK/heard/$name")" -ge "$(wc -l < "$WORK/said/${listens_to[$name]}")" ]
}

everything_arrived() {
	local name
	for name in "${subscribers[@]}"; do
		heard_all "$name" || return 1
	done
	[ "$(heard_total)" -ge "$(said_total)" ]
}

# same_content: byte by byte, in order for each publisher, no line more.
same_content() {
	local name bad=0
	for name in "${subscribers[@]}"; do
		if ! cmp "$WORK/said/${listens_to[$name]}" "$WORK/heard/$name"; then
			diff "$WORK/said/${listens_to[$name]}" "$WORK/heard/$name" | head -n 4
			bad=1
		fi
	done
	for name in "${publishers[@]}"; do
		grep "^$name " "$WORK/heard/dev10" | cmp "$WORK/said/$name" - || bad=1
	done
	[ "$(heard_total)" -eq "$(said_total)" ] || bad=1
	return $bad
}

# Misfits: NAME, address, expected reason. Each has a certificate or a claim of its own kind.
misfits=(
	"stolen 198.18.2.1 cert-revoked"
	"old 198.18.2.2 cert-expired"
	"nobody 198.18.2.3 cert-missing"
	"liar 198.18.2.4 identity-client-id"
	"stranger 198.18.2.5 cert-untrusted"
)

# misfit_try NAME ADDRESS REASON: true when it was refused for that reason and for no other.
misfit_try() {
	local name=$1 addr=$2 reason=$3 pid cert=() id=$1 seen
	[ "$name" = nobody ] || cert=(--cert "$WORK/pki/$name.pem" --key "$WORK/pki/$name.key")
	[ "$name" != liar ] || id=dev01
	nsenter --net="/run/netns/$(ns_name devices)" -- \
		mosquitto_pub -h $GW4 -p 8883 -A "$addr" -i "$id" --cafile "$WORK/pki/ca.pem" \
		"${cert[@]}" -q 1 -t "line/$name" -m "intrusion by $name" \
		> "$WORK/heard/$name.err" 2>&1 < /dev/null &
	pid=$!
	on_exit stop $pid
	poll_until 15 refused_somehow "$addr"
	stop $pid
	seen=$(refusals_of "$addr" | sort -u)
	echo "$name: $seen"
	[ "$seen" = "$reason" ] && ! grep -q "intrusion by $name" "$WORK/heard/dev10"
}

# persist ADDRESS: the revoked device tries from there until its source is banned by score.
persist() {
	local pid
	listen_for_ever persistent -A "$1" -h $GW4 -p 8883 -i stolen -t none \
		--cafile "$WORK/pki/ca.pem" --cert "$WORK/pki/stolen.pem" \
		--key "$WORK/pki/stolen.key" < /dev/null &
	pid=$!
	on_exit stop $pid
	poll_until 20 banned_by_score "$1"
	stop $pid
	banned_by_score "$1"
}

banned_by_score() {
	mqgate -j verdict list | jq -e --arg source "$1" 'any(.source == $source and
		.action == "drop" and .origin == "daemon")'
}

refusals_of() {
	mqgate -j why "$1" | jq -r '.daemon.refusals[]?.reason'
}

refused_somehow() {
	refusals_of "$1" | grep .
}
