# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the scripts of this directory share: a directory, certificates, a configuration, and mqgated
# as a child of the script. Each sources it first; from then on it is in this directory.
# Sets: dir, MQGATE_RUN, MQGATE_BPFFS.

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
MQGATE_TOP=${MQGATE_TOP:-$(cd ../.. && pwd)}
MQGATE_BUILD=${MQGATE_BUILD:-$MQGATE_TOP/build}
# shellcheck source=../lib/ktap.sh
. ../lib/ktap.sh
# shellcheck source=../lib/netns.sh
. ../lib/netns.sh
# shellcheck source=../lib/pki.sh
. ../lib/pki.sh
# shellcheck source=../lib/broker.sh
. ../lib/broker.sh

# stage_need COMMAND...: besides those that every script needs
stage_need() {
	need_root
	need_command openssl ip nsenter prlimit "$@"
	id mqgate > /dev/null 2>&1 ||
		skip_all "needs the user mqgate: sudo selftests/lib/setup.sh"
}

stage_init() {
	dir=$(scratch)
	on_exit rm -rf "$dir"
	chmod 711 "$dir"
	export MQGATE_RUN=$dir/run MQGATE_BPFFS=/sys/fs/bpf/mqgate-test-$$
	export MQGATE_OBJ=$MQGATE_TOP/bpf/mqgate.bpf.o
	export MQGATE_STATE=$dir/state
	mkdir "$MQGATE_RUN" "$MQGATE_STATE" "$dir/pki"
	chown root:mqgate "$MQGATE_RUN" "$MQGATE_STATE"
	chmod 770 "$MQGATE_RUN" "$MQGATE_STATE"
	sock=$MQGATE_RUN/control.sock
	pki_init "$dir/pki" && pki_server "$dir/pki" server IP:127.0.0.1
}

# A directory of pins with the maps in it; no program is attached.
stage_pins() {
	mkdir "$MQGATE_BPFFS" && chown root:mqgate "$MQGATE_BPFFS" && chmod 750 "$MQGATE_BPFFS" ||
		return 1
	on_exit rm -rf "$MQGATE_BPFFS"
	pin_maps
}

pin_maps() {
	bpftool prog load "$MQGATE_OBJ" "$MQGATE_BPFFS/prog" pinmaps "$MQGATE_BPFFS" &&
		chown root:mqgate "$MQGATE_BPFFS"/* && chmod 660 "$MQGATE_BPFFS"/*
}

# stage_config FILE [SED-EXPRESSION...]
stage_config() {
	local file=$1 expression args=()
	shift
	for expression in "$@"; do
		args+=(-e "$expression")
	done
	sed "${args[@]}" -e "s|@|$dir|g" > "$file" <<-END
	brokers:
	  - {name: main, address: "127.0.0.1:1884"}
	listeners:
	  - name: tls
	    address: "0.0.0.0:8883"
	    kind: mqtts
	    broker: main
	    tls:
	      certificate: @/pki/server.pem
	      key: @/pki/server.key
	      client_ca: @/pki/ca.pem
	      crl: @/pki/crl.pem
	  - name: plain
	    address: "0.0.0.0:2883"
	    kind: mqtt
	    broker: main
	services:
	  - {name: routed, port: 1883, kind: mqtt, when_daemon_away: closed}
	allow: ["192.0.2.77"]
	score: {ban: 60s}
	workers: 1
	http: "127.0.0.1:9883"
	END
}

# The command, where the gateway is.
mqgate() {
	in_ns gw "$MQGATE_BUILD/mqgate" "$@"
}

# ctl REQUEST [FIELD]
ctl() {
	/usr/bin/python3 ./ctl.py "$sock" "$@"
}

answers() {
	ctl '{"do":"status"}' pid
}

# mqgated_start NS CONFIG [VARIABLE=VALUE...]: sets mqgated_pid, mqgated_log. True when it answers.
mqgated_start() {
	local ns=$1 config=$2
	shift 2
	mqgated_log=$dir/log
	nsenter --net="/run/netns/$(ns_name "$ns")" -- \
		prlimit --nofile=256: env "$@" "$MQGATE_BUILD/mqgated" -c "$config" \
		> "$dir/out" 2> "$mqgated_log" < /dev/null &
	mqgated_pid=$!
	on_exit stop "$mqgated_pid"
	poll_until 10 answers && [ "$(answers)" = "$mqgated_pid" ] && return 0
	cat "$mqgated_log"
	return 1
}

# refused_to_start NS CONFIG: runs it until it ends; prints its stderr; true when it exits 1.
refused_to_start() {
	local rc=0
	in_ns "$1" timeout 10 "$MQGATE_BUILD/mqgated" -c "$2" 2>&1 > "$dir/out" < /dev/null || rc=$?
	[ $rc -eq 1 ]
}

# metric NAME{LABELS}: its value
metric() {
	in_ns gw curl -s http://127.0.0.1:9883/metrics | sed -n "s/^mqgate_$1 //p"
}

metric_is() {
	[ "$(metric "$1")" = "$2" ]
}

# sessions FILE COUNT LEVEL: opens them, which stay; sets sessions_pid. What becomes of them is said
# in $dir/FILE: see said.
sessions() {
	in_ns gw /usr/bin/python3 ./sessions.py 2883 "$2" "$3" > "$dir/$1" 2>&1 &
	sessions_pid=$!
	on_exit stop "$sessions_pid"
}

# said FILE WORD: a line begins with it
said() {
	grep -q "^$2" "$dir/$1"
}

# status_of PID FIELD: of /proc/PID/status
status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

logged() {
	grep -qF -- "$1" "$mqgated_log"
}
