#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kTLS: on a kernel that has it, the one who makes and opens records is the kernel, by its own
# counters, and what clients get is what was sent; without it everything works and the reason is
# told. In a guest with Debian's kernel: selftests/vm/run.sh selftests/daemon/ktls.sh

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_sub mosquitto_pub jq
lacking=
modprobe -q tls 2> /dev/null
grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp ||
	lacking="this kernel has no TLS layer (CONFIG_TLS); selftests/vm/run.sh has one"

# of LISTENER FIELD: what tls status says of kTLS there
of() {
	mqgate -j tls status |
		jq -r --arg name "$1" ".listeners[] | select(.name == \$name).ktls.$2"
}

# kernel COUNTER: of the namespace's TLS layer
kernel() {
	in_ns gw sed -n "s/^$1[[:space:]]*//p" /proc/net/tls_stat
}

# device VERSION PORT ID COMMAND...
device() {
	local version=$1 port=$2 id=$3
	local command=("$4")
	shift 4
	if [ "${command[0]}" = timeout ]; then
		command=(timeout "$1" "$2")
		shift 2
	fi
	in_ns gw "${command[@]}" -h 127.0.0.1 -p "$port" --cafile "$dir/pki/ca.pem" --insecure \
		--cert "$dir/pki/$id.pem" --key "$dir/pki/$id.key" --tls-version "tlsv$version" \
		-i "$id" "$@"
}

has_session() {
	[ "$(ctl "{\"do\":\"why\",\"subject\":\"$1\"}" sessions.0.connected 2> /dev/null)" = true ]
}

has_none() {
	! has_session "$1"
}

# carried VERSION PORT: a megabyte from one device to another, through both of their connections
carried() {
	local version=$1 port=$2 sub
	: > "$dir/broker.log"
	device "$version" "$port" dev1 mosquitto_sub -t big -C 1 -N > "$dir/got" 2> "$dir/said" &
	sub=$!
	on_exit stop $sub
	if ! poll_until 20 has_session dev1; then
		echo "no session"
	elif ! poll_until 20 grep -q "dev1 0 big" "$dir/broker.log"; then
		echo "no subscription"
	elif ! device "$version" "$port" dev2 timeout 60 mosquitto_pub -t big -f "$dir/big"; then
		echo "nothing published"
	elif ! poll_until 60 gone $sub; then
		echo "$(wc -c < "$dir/got") bytes so far"
	elif cmp "$dir/big" "$dir/got"; then
		return 0
	fi
	cat "$dir/said" "$mqgated_log" "$dir/broker.log"
	return 1
}

# new_keys PORT: KeyUpdate of both directions (RFC 8446, 4.6.3) behind CONNACK, then PINGREQ
new_keys() {
	in_ns gw timeout 30 /usr/bin/python3 - "$1" "$dir/pki/dev1" <<-'END'
	import os, subprocess, sys
	port, device = sys.argv[1:]
	with subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-tls1_3",
	                       "-cert", device + ".pem", "-key", device + ".key"],
	                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
	                      stderr=subprocess.STDOUT) as tool:
	    def until(word):
	        got = b""
	        while word not in got:
	            part = os.read(tool.stdout.fileno(), 65536)
	            if not part:
	                sys.exit(f"the connection ended before {word}: {got[-200:]}")
	            got += part
	    def say(data):
	        tool.stdin.write(data)
	        tool.stdin.flush()
	    try:
	        say(b"\x10\x10\0\4MQTT\4\2\0\x3c\0\4dev1")
	        until(b"\x20\2\0\0")
	        say(b"K\n")
	        until(b"KEYUPDATE")
	        say(b"\xc0\0")
	        until(b"\xd0\0")
	    finally:
	        tool.kill()
	END
}

# resumed VERSION: a session and two that go on from its ticket; each is asked for a PINGRESP
resumed() {
	in_ns gw timeout 60 /usr/bin/python3 - "TLSv${1/./_}" "$dir/pki" <<-'END'
	import socket, ssl, sys
	version, pki = sys.argv[1:]
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	context.check_hostname = False
	context.load_verify_locations(pki + "/ca.pem")
	context.load_cert_chain(pki + "/dev1.pem", pki + "/dev1.key")
	context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
	ticket = None
	for want in (False, True, True):
	    sock = socket.create_connection(("127.0.0.1", 8883))
	    with context.wrap_socket(sock, session=ticket) as client:
	        if client.session_reused != want:
	            sys.exit(f"resumed: {client.session_reused}")
	        for said, answer in ((b"\x10\x10\0\4MQTT\4\2\0\x3c\0\4dev1", b"\x20\2\0\0"),
	                             (b"\xc0\0", b"\xd0\0")):
	            client.sendall(said)
	            got = client.recv(16)
	            if got != answer:
	                sys.exit(f"{got} and not {answer}")
	        ticket = client.session
	END
}

plan 24
stage_init || exit 1
ns_add gw || exit 1
in_ns gw ip link set lo up
pki_device "$dir/pki" dev1
pki_device "$dir/pki" dev2
head -c 1000000 /dev/urandom > "$dir/big"
config=$dir/mqgate.yaml
# An emulated machine is slow.
stage_config "$config" 's|"127.0.0.1:1884"}|"127.0.0.1:1884", connect_timeout: 60s}|' \
	's|^      crl:|      ktls: auto\n      crl:|' 's|name: plain|name: user|' \
	'/2883/,/broker/s|kind: mqtt|kind: mqtts|' \
	"/2883/,/broker/s|broker: main|broker: main\n    tls: {certificate: @/pki/server.pem, \\
key: @/pki/server.key, client_ca: @/pki/ca.pem}|"
check "mqgated starts" mqgated_start gw "$config"
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
for version in 1.2 1.3; do
	check "a megabyte arrives whole, ktls: auto, TLS $version" carried $version 8883
done
for version in 1.2 1.3; do
	check "a session is resumed, and again, TLS $version" resumed $version
done
check "a client that asks for new keys on the way goes on" new_keys 2883
is "off is off" "$(of user used), $(of user reason)" "false, tls.ktls is off"
said=$(mqgate tls status)
if [ -n "$lacking" ]; then
	is "without the layer it is not used" "$(of tls used)" false
	contains "and tls status says why" "$said" \
		"kTLS not used: the kernel has no TLS layer loaded (modprobe tls; CONFIG_TLS)"
	while [ "$ktap_number" -lt "$ktap_planned" ]; do
		skip "with it" "$lacking"
	done
	finish
	exit
fi

contains "tls status says that the machine has it" "$said" "kTLS        yes"
sent=$(kernel TlsTxSw)
check "the kernel made records" test "$sent" -gt 0
check "carried by the listener that is off, too" carried 1.3 2883
is "it made none there" "$(kernel TlsTxSw)" "$sent"
is "it found none that it could not open" "$(kernel TlsDecryptError)" 0

# hold VERSION: a session that stays; sets held
hold() {
	device "$1" 8883 dev1 mosquitto_sub -t nothing > /dev/null 2>&1 &
	held=$!
	on_exit stop $held
	poll_until 20 has_session dev1
}
for version in 1.2 1.3; do
	sent=$(kernel TlsTxSw)
	check "sessions are resumed with the kernel's records, TLS $version" resumed $version
	is "those of all three" "$(kernel TlsTxSw)" $((sent + 3))
	check "a session stays, TLS $version" hold $version
	# Whether OpenSSL lets it open them, too, is a matter of its version.
	receives=$(kernel TlsCurrRxSw)
	is "for which the kernel makes the records" "$(kernel TlsCurrTxSw)" 1
	contains "and tls status counts as the kernel does" "$(mqgate tls status)" \
		"kTLS of 1 sessions sends for 1, receives for $receives"
	stop $held
	poll_until 10 has_none dev1
done

# Linux takes no new keys for a connection before 6.14: mqgate.yaml(5) names the limit.
refuse "where the kernel has the keys it loses its connection by that" new_keys 8883
check "and nobody else does: a megabyte arrives whole" carried 1.3 8883
finish
