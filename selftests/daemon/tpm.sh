#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Server keys in a TPM (swtpm): by handle and wrapped in a file, with an authorisation value, with
# several workers at once, under a daemon that has given up root; and when the TPM goes away.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"
. ./signers.sh

stage_need mosquitto gnutls-cli swtpm tpm2_createprimary tpm2_evictcontrol
[ -e "$(openssl version -m | cut -d'"' -f2)/tpm2.so" ] ||
	skip_all "needs OpenSSL's provider tpm2 (tpm2-openssl): sudo selftests/lib/setup.sh"

tpm_start() {
	swtpm socket --tpm2 --tpmstate "dir=$dir/tpm" --server "type=unixio,path=$dir/tpm/sock" \
		--ctrl "type=unixio,path=$dir/tpm/sock.ctrl" \
		--flags not-need-init,startup-clear > "$dir/swtpm.log" 2>&1 &
	tpm_pid=$!
	on_exit stop "$tpm_pid"
	poll_until 10 test -S "$dir/tpm/sock" && poll_until 10 test -S "$dir/tpm/sock.ctrl" &&
		chown mqgate "$dir/tpm" "$dir/tpm/sock" "$dir/tpm/sock.ctrl"
}

# The chip has room for three keys, and there is nobody here to swap them.
tpm() {
	"$@" > "$dir/tpm.said" 2>&1 || { cat "$dir/tpm.said" && return 1; }
	tpm2_flushcontext -t > /dev/null 2>&1
	return 0
}

# kept HANDLE [ARGUMENT...]: a P-256 key of the TPM that stays under that handle
kept() {
	local handle=$1
	shift
	tpm tpm2_createprimary -C o -g sha256 -G ecc -c "$dir/tpm/primary" &&
		tpm tpm2_create -C "$dir/tpm/primary" -G ecc256 -u "$dir/tpm/public" \
			-r "$dir/tpm/private" "$@" &&
		tpm tpm2_load -C "$dir/tpm/primary" -u "$dir/tpm/public" -r "$dir/tpm/private" \
			-c "$dir/tpm/key" &&
		tpm tpm2_evictcontrol -C o -c "$dir/tpm/key" "$handle" &&
		tpm tpm2_readpublic -c "$handle" -f pem -o "$dir/tpm/public.pem"
}

# certified NAME PUBLIC: a server's certificate for a public key; no key is at hand to ask for it.
certified() {
	PKI_SAN=IP:127.0.0.1,DNS:localhost pki_say openssl x509 -new -subj "/CN=$1" \
		-force_pubkey "$2" -CA "$dir/pki/ca.pem" -CAkey "$dir/pki/ca.key" -days 5 \
		-extfile "$dir/pki/ca.cnf" -extensions server_ext -out "$dir/pki/$1.pem"
}

plan 32
stage_init || exit 1
ns_add gw || exit 1
in_ns gw ip link set lo up
mkdir "$dir/tpm"
tpm_start || skip_all "swtpm does not start here: $(cat "$dir/swtpm.log")"
export TPM2TOOLS_TCTI=swtpm:path=$dir/tpm/sock TPM2OPENSSL_TCTI=swtpm:path=$dir/tpm/sock
export TSS2_LOG=all+NONE
provider=(-provider tpm2 -provider default -propquery '?provider=tpm2')
secret=auth-91827
kept 0x81000001 -p "$secret" && certified handle "$dir/tpm/public.pem" &&
	tpm openssl genpkey "${provider[@]}" -algorithm EC -pkeyopt group:P-256 \
		-out "$dir/pki/wrapped.key" &&
	tpm openssl pkey "${provider[@]}" -in "$dir/pki/wrapped.key" -pubout \
		-out "$dir/tpm/wrapped.pem" &&
	certified wrapped "$dir/tpm/wrapped.pem" || skip_all "no key can be made in swtpm here"
unset TPM2TOOLS_TCTI TPM2OPENSSL_TCTI
printf '%s\n' "$secret" > "$dir/pin"
pki_device "$dir/pki" dev1

config=$dir/mqgate.yaml
signers=('s|/pki/server.pem|/pki/handle.pem|' 's|key: .*|key: "handle:0x81000001"|'
	's|^      crl:|      pin_file: @/pin\n      crl:|' 's|workers: 1|workers: 4|'
	's|^http:.*|&\nhardware: {tpm: "swtpm:path=@/tpm/sock"}|')
second=('s|name: plain|name: wrapped|' '/2883/,/broker/s|kind: mqtt|kind: mqtts|'
	"/2883/,/broker/s|broker: main|broker: main\n    tls: {certificate: @/pki/wrapped.pem, \
key: @/pki/wrapped.key, client_ca: @/pki/ca.pem}|")
stage_config "$config" "${signers[@]}" "${second[@]}"
contains "a file with a wrapped key has no key in it" "$(cat "$dir/pki/wrapped.key")" \
	"BEGIN TSS2 PRIVATE KEY"
contains "a good configuration is found good" \
	"$("$MQGATE_BUILD/mqgated" -t -c "$config" 2>&1)" "good"

broken "no such handle" "listeners[0].tls.key: handle:0x81000009: the TPM gives no such key" \
	's|0x81000001|0x81000009|'
broken "no handle" "handle:one: is no handle; write one of eight" 's|handle:0x81000001|handle:one|'
broken "no TPM there" "the TPM swtpm:path=$dir/none does not answer" 's|tpm/sock|none|'
broken "a key of another certificate" "does not belong to the certificate $dir/pki/server.pem" \
	's|handle.pem|server.pem|'
broken "no authorisation value" "see that pin_file is right" '/pin_file/d'
echo wrong > "$dir/wrong"
broken "a wrong one" "is there and does not sign: " 's|@/pin|@/wrong|'

check "mqgated starts" mqgated_start gw "$config"
is "and is not root any more" "$(status_of "$mqgated_pid" Uid | cut -f2)" "$(id -u mqgate)"
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
for port in 8883 2883; do
	for version in 1.2 1.3; do
		for client in openssl gnutls; do
			is "$client, TLS $version, port $port: accepted" \
				"$(attempt $client $version $port)" accepted
		done
	done
done
is "four workers sign, one after the other" "$(together)" 8
contains "tls status says where the keys are" "$(mqgate tls status)" "key in TPM"
chgrp mqgate "$dir/pin" "$dir/pki/wrapped.key"
chmod 640 "$dir/pin" "$dir/pki/wrapped.key"
for round in 1 2 3; do
	together > "$dir/together" &
	check "a reload opens the keys anew, $round" mqgate reload
	wait $!
	is "while they sign, and afterwards" "$(cat "$dir/together") $(attempt openssl 1.3 2883) \
$(attempt openssl 1.3 8883)" "8 accepted accepted" ||
		diag "$(tail -n 20 "$mqgated_log" "$dir"/said.* 2> /dev/null)"
done
cp "$dir/wrong" "$dir/pin"
contains "another authorisation value of a handle in use is refused" "$(mqgate reload 2>&1)" \
	"handle:0x81000001: signs with another authorisation value since the start"
is "and takes nothing away" "$(attempt openssl 1.3 8883)" accepted
printf '%s\n' "$secret" > "$dir/pin"
check "and the right one is taken again" mqgate reload

refused_by_key() {
	ctl '{"do":"refusals"}' | grep -q '"reason": "tls-key"'
}
stop "$tpm_pid"
is "without its TPM nobody is let in" "$(attempt openssl 1.3 8883)" refused
check "and the reason is this gateway's, no client's" poll_until 5 refused_by_key
refuse "no line of the log has the authorisation value" grep -q "$secret" "$mqgated_log" "$dir/out"
finish
