#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgated as a process: configuration test, start and refusals to start, what it gives up, control
# socket, metrics, and what a killed daemon leaves to the next one. Maps are pinned in a directory
# of this script's; no program is attached.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need bpftool mosquitto mosquitto_sub curl setpriv

mqgated=$MQGATE_BUILD/mqgated
# CONNECT with the protocol name MQTU (ATTACKS 5), and a good one with a password.
bad_name=100c00044d515455040200000000
with_password=101f00044d51545404c2003c000464657631000475736572000768756e74657232

plan 82
stage_init || exit 1
mkdir "$MQGATE_BPFFS"
chown root:mqgate "$MQGATE_BPFFS"
chmod 750 "$MQGATE_BPFFS"
on_exit rm -rf "$MQGATE_BPFFS"
ns_add gw || exit 1
config="$dir/mq<b>&.yaml"
stage_config "$config" "1i store: {directory: $dir/hold, size: 16M}"

# ---- without a daemon

contains "-t says that a good configuration is good" \
	"$("$mqgated" -t -c "$config")" "$config: good"
contains "and what it means to have no policies" "$("$mqgated" -t -c "$config")" \
	"no policies: every client may publish and subscribe to everything"
stage_config "$dir/broken.yaml" 's/kind: mqtts/kind: mqtt5/'
refuse "-t exits 1 for a broken configuration" "$mqgated" -t -c "$dir/broken.yaml"
contains "-t names file, line and key" "$("$mqgated" -t -c "$dir/broken.yaml" 2>&1)" \
	"$dir/broken.yaml:6: listeners[0].kind: \"mqtt5\" is not known"
contains "--help lists the default weights" "$("$mqgated" --help)" "cert-revoked"
abi=$(awk '$2 == "MQGATE_ABI_VERSION" { print $3 }' "$MQGATE_TOP/include/uapi/linux/mqgate.h")
contains "--version tells version and ABI" "$("$mqgated" --version)" "ABI $abi"
"$mqgated" --nonsense > /dev/null 2>&1
is "a misused option exits 2" $? 2

head -c 4096 /dev/urandom > "$dir/garbage.yaml"
said=$(refused_to_start gw "$dir/garbage.yaml")
is "garbage for a configuration is refused at the start" $? 0
contains "and the file is named" "$said" "$dir/garbage.yaml:"

stage_config "$dir/user.yaml" '1i user: mqgate-nobody-here'
said=$(refused_to_start gw "$dir/user.yaml")
is "a missing user is refused at the start" $? 0
contains "and the remedy is named" "$said" "useradd --system"
stage_config "$dir/nowhere.yaml" '1i store: {directory: /nowhere/hold}'
said=$(refused_to_start gw "$dir/nowhere.yaml")
is "a store that cannot be made is refused at the start" $? 0
contains "and the remedy is named" "$said" "make the directory above it"
check "a refused start leaves no socket" test ! -e "$sock"

# ---- started

/usr/bin/python3 ./notify.py "$dir/notify" "$dir/notified" &
on_exit stop $!
check "the stand-in for the service manager runs" poll_until 5 test -S "$dir/notify"
chmod 711 "$dir"
check "it starts" mqgated_start gw "$config" NOTIFY_SOCKET="$dir/notify" WATCHDOG_USEC=400000 \
	INVOCATION_ID=1 || exit 1
check "it tells the service manager that it is ready" grep -qx READY=1 "$dir/notified"
watchdogs() {
	[ "$(grep -cx WATCHDOG=1 "$dir/notified")" -ge 3 ]
}
check "it feeds the watchdog" poll_until 10 watchdogs
contains "log lines carry the journal's priority" "$(cat "$mqgated_log")" "<5>mqgated"
is "that there are no policies is said once" "$(grep -c "no policies: every" "$mqgated_log")" 1

is "effective capabilities are CAP_NET_ADMIN alone" \
	"$(status_of "$mqgated_pid" CapEff)" 0000000000001000
is "permitted ones, too" "$(status_of "$mqgated_pid" CapPrm)" 0000000000001000
is "the bounding set is empty" "$(status_of "$mqgated_pid" CapBnd)" 0000000000000000
is "no_new_privs is set" "$(status_of "$mqgated_pid" NoNewPrivs)" 1
is "a system call filter is in force" "$(status_of "$mqgated_pid" Seccomp)" 2
uid=$(id -u mqgate)
is "every id is the configured user's" "$(status_of "$mqgated_pid" Uid)" \
	"$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid"
confined() {
	local task
	for task in "/proc/$mqgated_pid/task"/*; do
		grep -q '^Seccomp:.*2$' "$task/status" || return 1
		grep -q '^CapEff:.*1000$' "$task/status" || return 1
	done
	[ "$(find "/proc/$mqgated_pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 2 ]
}
check "workers are confined like the main thread" confined
is "it leaves no core with credentials (not dumpable)" \
	"$(stat -c %U "/proc/$mqgated_pid/mem")" root
is "open files are limited by the hard limit only" \
	"$(awk '/Max open files/ { print $4, $5 }' "/proc/$mqgated_pid/limits")" \
	"$(ulimit -Hn) $(ulimit -Hn)"

is "the store is the configured user's alone" "$(stat -c '%a %U' "$dir/hold")" "700 mqgate"
is "the control socket is the group's" "$(stat -c '%a %G' "$sock")" "660 mqgate"
said=$(refused_to_start gw "$config")
is "a second daemon is refused" $? 0
contains "and told who runs" "$said" "already running (pid $mqgated_pid)"
is "and the first one still answers" "$(answers)" "$mqgated_pid"

# ---- control socket

is "without maps status says so" "$(ctl '{"do":"status"}' pins)" false
contains "and why" "$(ctl '{"do":"status"}' pins_error)" "mqgate attach"
contains "a verdict without maps is refused with the remedy" \
	"$(ctl '{"do":"verdict-add","source":"192.0.2.1","action":"drop","seconds":1}' remedy)" \
	"mqgate attach"
check "maps are pinned while it runs" pin_maps
is "pins are opened at once when told" "$(ctl '{"do":"pins"}' pins)" true
add='{"do":"verdict-add","source":"192.0.2.1","action":"drop"'
is "a verdict is added" "$(ctl "$add,\"seconds\":500,\"text\":\"x\"}")" \
	'{"ok": true, "replaced": false, "allow_removed": 0, "persistent": true, "unsaved": ""}'
is "adding it again replaces it" "$(ctl "$add,\"seconds\":0}" replaced)" true
check "the change is logged with who asked" logged "uid 0 (pid "
is "why tells of it" "$(ctl '{"do":"why","subject":"192.0.2.1"}' verdict.origin)" operator
contains "deleting what is not there names the source" \
	"$(ctl '{"do":"verdict-del","source":"192.0.2.99"}' error)" "192.0.2.99"
contains "deleting what is configured names the remedy" \
	"$(ctl '{"do":"verdict-del","source":"192.0.2.77"}' remedy)" "allow: in the configuration"
contains "an unknown field is refused by name" \
	"$(ctl '{"do":"verdict-del","source":"192.0.2.1","force":true}' error)" force
contains "an unknown verb is refused with the known ones" \
	"$(ctl '{"do":"dance"}' remedy)" verdict-add
contains "a verdict without a time is refused" "$(ctl "$add}" error)" seconds
contains "what is not JSON is refused" "$(echo hello | ctl --raw)" '"ok":false'
is "two requests in one write get two answers" \
	"$(printf '{"do":"pins"}\n{"do":"pins"}\n' | ctl --raw | grep -c '"ok":true')" 2
contains "a request without end is cut off" "$(head -c 70000 /dev/zero | tr '\0' x | ctl --raw)" \
	"more than 65535 bytes"
contains "the 65th client is told to wait" "$(ctl --fill 64)" "too many clients"
check "and then there is room again" poll_until 5 answers

# ---- refusals, scores, credentials

in_ns gw ip addr add 192.0.2.5/32 dev lo
in_ns gw /usr/bin/python3 ./badclient.py 192.0.2.5 127.0.0.1 2883 1 "$with_password" 5 > /dev/null
check "a password in clear text is refused (credential-clear)" logged "credential-clear"
refuse "and is not in the log" grep -q hunter2 "$mqgated_log"
in_ns gw /usr/bin/python3 ./badclient.py 192.0.2.5 127.0.0.1 2883 5 "$bad_name" 5 > /dev/null
# 25 points each, and they decay meanwhile: four are just below the threshold of 100.
is "five malformed CONNECTs ban their source (ATTACKS 5)" \
	"$(ctl '{"do":"why","subject":"192.0.2.5"}' verdict.action)" drop
is "the refusals are remembered with their reason" \
	"$(ctl '{"do":"refusals"}' refusals.0.reason)" mqtt-name

# ---- metrics

metrics=$(in_ns gw curl -s http://127.0.0.1:9883/metrics)
check "the metrics are valid Prometheus text" /usr/bin/python3 ./promlint.py <<< "$metrics"
contains "they count refusals by service and reason" "$metrics" \
	'mqgate_refusals_total{service="plain",reason="mqtt-name"} 5'
contains "and bans" "$metrics" "mqgate_bans_total 1"
filled() {
	in_ns gw curl -s http://127.0.0.1:9883/metrics |
		grep -qE '^mqgate_map_entries\{map="mqgate_sources"\} [1-9]'
}
check "how full the maps are is counted while it runs" poll_until 20 filled
contains "and told beside what they hold" "$metrics" \
	"mqgate_map_entries_max{map=\"mqgate_flows\"} "
refuse "no address or client id is in them" grep -qE '192\.0\.2|dev1' <<< "$metrics"
contains "the status page escapes what it shows" "$(in_ns gw curl -s http://127.0.0.1:9883/)" \
	"mq&lt;b&gt;&amp;.yaml"

# ---- a device that proves itself

device() {
	in_ns gw mosquitto_sub -h 127.0.0.1 -p 8883 --cafile "$dir/pki/ca.pem" --insecure \
		--cert "$dir/pki/dev1.pem" --key "$dir/pki/dev1.key" -i dev1 -t x -k 30 \
		> "$dir/device" 2>&1 &
	device_pid=$!
	on_exit stop "$device_pid"
}
allowed() {
	[ "$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_allow" |
		/usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" = "$1" ]
}
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
pki_device "$dir/pki" dev1
device
check "a device with its certificate has a session" \
	poll_until 10 ctl '{"do":"why","subject":"dev1"}' sessions.0.client_id
check "and ALLOW for its flow" poll_until 10 allowed 1
session=$(ctl '{"do":"sessions"}' sessions.0)
contains "sessions tell identity, source and that it is ALLOWed" "$session" \
	'"identity": "dev1", "source": "127.0.0.1"'
contains "in one answer" "$session" '"allowed": true'
in_ns gw /usr/bin/python3 ./badclient.py 127.0.0.1 127.0.0.1 2883 5 "$bad_name" 5 > /dev/null
is "its address is limited, and not dropped, for what others do behind it" \
	"$(ctl '{"do":"why","subject":"127.0.0.1"}' verdict.action)" limit
spared() {
	in_ns gw curl -s http://127.0.0.1:9883/metrics |
		grep -qE '^mqgate_bans_spared_total [1-9]'
}
check "and that is counted" spared

# ---- death and return

verdict() {
	bpftool -j map lookup pinned "$MQGATE_BPFFS/mqgate_sources" \
		key hex 00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 05
}
before=$(verdict)
{ kill -KILL "$mqgated_pid"; wait "$mqgated_pid"; } 2> /dev/null
check "a killed daemon leaves its ALLOW" allowed 1
stop "$device_pid"
check "a killed daemon is followed by another" mqgated_start gw "$config"
is "which left the unexpired ban as it was" "$(verdict)" "$before"
check "and removed the ALLOW that has no socket" allowed 0
is "and knows its strikes" "$(ctl '{"do":"why","subject":"192.0.2.5"}' strikes)" 1
kill -TERM "$mqgated_pid"
wait "$mqgated_pid"
is "SIGTERM ends it with 0 and without its socket" "$?, $(test -e "$sock"; echo $?)" "0, 1"

stage_config "$dir/low.yaml" 's/9883/983/'
check "it starts with metrics on a low port" mqgated_start gw "$dir/low.yaml"
is "a port below 1024 adds CAP_NET_BIND_SERVICE" "$(status_of "$mqgated_pid" CapEff)" \
	0000000000001400
stop "$mqgated_pid"

# Without a word of root's: what it would drop is not there, the rest holds.
rm -rf "$MQGATE_RUN"/*
chown mqgate "$dir/pki/server.key"
as_user=(setpriv --reuid mqgate --regid mqgate --init-groups --inh-caps=-all)
check "it starts as its user, too" mqgated_start gw "$config" "${as_user[@]}"
is "with no capability" "$(status_of "$mqgated_pid" CapEff)" 0000000000000000
is "not dumpable either" "$(stat -c %U "/proc/$mqgated_pid/mem")" root
is "and with the filter" "$(status_of "$mqgated_pid" Seccomp)" 2
finish
