#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Server keys in a PKCS#11 token (softhsm2): a daemon that has given up root signs with them, with
# several workers at once, reloads them, and says in words what is wrong with one. Real clients.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"
. ./signers.sh

stage_need mosquitto softhsm2-util gnutls-cli
module=/usr/lib/softhsm/libsofthsm2.so
[ -r "$module" ] || skip_all "needs $module: sudo selftests/lib/setup.sh"
openssl engine pkcs11 > /dev/null 2>&1 ||
	skip_all "needs libengine-pkcs11-openssl: sudo selftests/lib/setup.sh"

pin=pin-57391
# into_token TYPE NAME ID [GENPKEY-ARGUMENT...]: a certificate NAME.pem whose key only the token has
into_token() {
	local type=$1 name=$2 id=$3
	shift 3
	openssl genpkey -algorithm "$type" "$@" -out "$dir/pki/$name.key" 2> /dev/null &&
		PKI_SAN=IP:127.0.0.1,DNS:localhost pki_say openssl req -new \
			-config "$dir/pki/ca.cnf" -key "$dir/pki/$name.key" -subj "/CN=$name" \
			-out "$dir/pki/$name.csr" &&
		PKI_SAN=IP:127.0.0.1,DNS:localhost pki_say openssl ca -batch -notext \
			-config "$dir/pki/ca.cnf" -extensions server_ext -cert "$dir/pki/ca.pem" \
			-keyfile "$dir/pki/ca.key" -in "$dir/pki/$name.csr" \
			-out "$dir/pki/$name.pem" &&
		softhsm2-util --import "$dir/pki/$name.key" --token gate --label "$name" \
			--id "$id" --pin "$pin" > /dev/null &&
		rm "$dir/pki/$name.key"
}

served() {
	in_ns gw openssl s_client -connect "127.0.0.1:$1" < /dev/null 2> /dev/null |
		openssl x509 -noout -subject
}

plan 48
stage_init || exit 1
ns_add gw || exit 1
in_ns gw ip link set lo up
mkdir "$dir/tokens"
cat > "$dir/softhsm2.conf" <<-END
directories.tokendir = $dir/tokens
objectstore.backend = file
log.level = ERROR
END
export SOFTHSM2_CONF=$dir/softhsm2.conf
softhsm2-util --init-token --free --label gate --pin "$pin" --so-pin 5678 > /dev/null &&
	into_token EC token-p256 a1 -pkeyopt ec_paramgen_curve:P-256 &&
	into_token EC token-p384 a2 -pkeyopt ec_paramgen_curve:P-384 &&
	into_token RSA token-rsa a3 -pkeyopt rsa_keygen_bits:2048 ||
	skip_all "softhsm2 makes no token here"
chown -R mqgate:mqgate "$dir/tokens"
echo "$pin" > "$dir/pin"
chmod 600 "$dir/pin"
pki_device "$dir/pki" dev1

config=$dir/mqgate.yaml
signers=('s|/pki/server.pem|/pki/token-p256.pem|'
	's|key: .*|key: "pkcs11:token=gate;object=token-p256;type=private"|'
	's|^      crl:|      pin_file: @/pin\n      crl:|' 's|workers: 1|workers: 4|'
	"s|^http:.*|&\nhardware: {pkcs11_module: $module}|")
second=('s|name: plain|name: rsa|' '/2883/,/broker/s|kind: mqtt|kind: mqtts|'
	"/2883/,/broker/s|broker: main|broker: main\n    tls: {certificate: @/pki/token-rsa.pem, \
key: \"pkcs11:token=gate;object=token-rsa?pin-source=file:@/pin\", client_ca: @/pki/ca.pem}|")
stage_config "$config" "${signers[@]}" "${second[@]}"
is "no key is in a file" "$(ls "$dir"/pki/token*.key 2> /dev/null)" ""
contains "a good configuration is found good" "$(mqgate check "$config" 2>&1)" "good"

# ---- what can be wrong

at="broken.yaml:10: listeners[0].tls.key: "
uri="pkcs11:token=gate;object=token-p256;type=private"
broken "no module is named" "$at$uri: no PKCS#11 module is configured; name the token's with \
hardware.pkcs11_module" 's|hardware:.*||'
broken "the module is not there" "/nonexistent.so: No such file or directory; name the token's" \
	's|pkcs11_module:.*|pkcs11_module: /nonexistent.so}|'
broken "the module is none" "ca.pem cannot be loaded, or is no PKCS#11 module; see hardware" \
	's|pkcs11_module:.*|pkcs11_module: @/pki/ca.pem}|'
broken "no such token" "no token in reach of $module" 's|token=gate|token=gone|'
broken "no such key" "the token has no such private key" 's|object=token-p256|object=gone|'
broken "no URI" "is no PKCS#11 URI (RFC 7512)" 's|object=token-p256|objekt=token-p256|'
broken "a key of another certificate" "does not belong to the certificate $dir/pki/token-p256.pem" \
	's|object=token-p256|object=token-p384|'
broken "no PIN" "the token asks for a PIN; write it into a file" '/pin_file/d'
broken "an empty PIN" "listeners[0].tls.pin_file: /dev/null: its first line is no PIN" \
	's|pin_file: .*|pin_file: /dev/null|'
broken "no file of a PIN" "listeners[0].tls.pin_file: $dir/none: No such file or directory" \
	's|pin_file: .*|pin_file: @/none|'
echo 0000 > "$dir/wrong"
broken "a wrong PIN" "the token refuses the PIN; correct it in its file" 's|@/pin|@/wrong|'
broken "a PIN in the configuration" "its PIN does not belong into the configuration" \
	"s|type=private|type=private?pin-value=$pin|"
refuse "and is not repeated" grep -q "$pin" \
	<(stage_config "$dir/broken.yaml" "${signers[@]}" "s|type=private|&?pin-value=$pin|"
	"$MQGATE_BUILD/mqgated" -t -c "$dir/broken.yaml" 2>&1)
broken "a PIN twice" "pin-source is in it, and there is a pin_file" \
	's|type=private|type=private?pin-source=file:@/pin|'
broken "a module in the URI" "the module belongs into hardware.pkcs11_module; leave module-path" \
	's|type=private|type=private?module-path=/x.so|'
broken "a PIN of a key by itself" "belongs to a key in a token or TPM" \
	's|key: .*|key: @/pki/server.key|' 's|token-p256.pem|server.pem|'
mv "$dir/tokens" "$dir/tokens.away"
mkdir "$dir/tokens"
broken "the token is away" "no token in reach of $module"
rmdir "$dir/tokens"
mv "$dir/tokens.away" "$dir/tokens"

# ---- at work

check "mqgated starts, with the PIN that only root may read" mqgated_start gw "$config"
is "and is not root any more" "$(status_of "$mqgated_pid" Uid | cut -f2)" "$(id -u mqgate)"
is "its system calls are filtered" "$(status_of "$mqgated_pid" Seccomp)" 2
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
for port in 8883 2883; do
	for version in 1.2 1.3; do
		for client in openssl gnutls; do
			is "$client, TLS $version, port $port: accepted" \
				"$(attempt $client $version $port)" accepted
		done
	done
done
is "each port serves its certificate" "$(served 8883), $(served 2883)" \
	"subject=CN = token-p256, subject=CN = token-rsa"
is "four workers sign at once" "$(together) $(together)" "8 8"
contains "tls status says where the keys are" "$(mqgate tls status)" \
	"key in PKCS#11 token (engine)"
together > "$dir/together" &
check "a reload keeps the key, whose PIN cannot be read any more" mqgate reload
wait $!
is "and signs with it, also meanwhile" "$(cat "$dir/together") $(attempt openssl 1.3 8883)" \
	"8 accepted"
stage_config "$config" "${signers[@]}" 's|token-p256|token-p384|'
contains "another key is refused by a reload that may not read the PIN" \
	"$(mqgate reload 2>&1)" "pin_file: $dir/pin: Permission denied; mqgated must be able"
is "and the first one signs on" "$(served 8883)" "subject=CN = token-p256"
chgrp mqgate "$dir/pin"
chmod 640 "$dir/pin"
check "when it may, the other key is taken" mqgate reload
is "and signs" "$(attempt openssl 1.3 8883), $(served 8883)" "accepted, subject=CN = token-p384"
check "the same key is loaded again" mqgate reload
is "and signs, when the first loading of it is freed" \
	"$(attempt openssl 1.3 8883) $(attempt openssl 1.2 8883)" "accepted accepted"
stage_config "$config" "${signers[@]}" 's|token=gate|token=gone|'
contains "a token that is away is refused by a reload" "$(mqgate reload 2>&1)" "no token in reach"
is "and nothing has changed" "$(attempt openssl 1.2 8883)" accepted

# ---- the token goes away

refused_by_key() {
	ctl '{"do":"refusals"}' | grep -q '"reason": "tls-key"'
}
find "$dir/tokens" -name '*.object' ! -name token.object -delete
is "without its key nobody is let in" "$(attempt openssl 1.3 8883)" refused
check "and the reason is this gateway's, no client's" poll_until 5 refused_by_key
refuse "for which nobody is scored" grep -q tls-key \
	<<< "$(ctl '{"do":"why","subject":"127.0.0.1"}' evidence)"
refuse "no line of the log has the PIN" grep -q "$pin" "$mqgated_log" "$dir/out"
kill "$mqgated_pid"
wait "$mqgated_pid"
is "it ends in order" $? 0
finish
